import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { ImagingError } from '../errors/imaging-error.ts';
import { axisVector, indexToWorld, type Vec3, worldToIndex } from '../geometry/geometry.ts';
import { createPhantom, type Phantom, type PhantomOptions } from './create-phantom.ts';

const small: Omit<PhantomOptions, 'patient'> = {
  seed: 11,
  columns: 128,
  pixelMm: 3,
  sliceMm: 5,
  coverage: 'liver',
};

function digest(phantom: Phantom): string {
  const { voxels } = phantom.volume;
  return createHash('sha256')
    .update(new Uint8Array(voxels.buffer, voxels.byteOffset, voxels.byteLength))
    .update(phantom.labelmap.voxels)
    .update(JSON.stringify(phantom.facts))
    .digest('hex');
}

/** Mean and sd of the voxels that a condition picks. */
function statistics(phantom: Phantom, pick: (i: number) => boolean): { mean: number; sd: number; n: number } {
  let n = 0;
  let sum = 0;
  let squares = 0;
  const { voxels } = phantom.volume;
  for (let i = 0; i < voxels.length; i++) {
    if (!pick(i)) continue;
    n++;
    sum += voxels[i]!;
    squares += voxels[i]! * voxels[i]!;
  }
  return { n, mean: sum / n, sd: Math.sqrt(squares / n - (sum / n) ** 2) };
}

/** Labels, shrunk by `steps` voxels in the plane: away from soft edges. */
function eroded(phantom: Phantom, label: number, steps: number): (i: number) => boolean {
  const [w, h] = phantom.labelmap.geometry.size;
  const labels = phantom.labelmap.voxels;
  return (i) => {
    const x = i % w;
    const y = Math.floor(i / w) % h;
    if (x < steps || y < steps || x >= w - steps || y >= h - steps) return false;
    for (let b = -steps; b <= steps; b++) {
      for (let a = -steps; a <= steps; a++) if (labels[i + a + b * w] !== label) return false;
    }
    return true;
  };
}

describe('createPhantom', () => {
  let phantom: Phantom;
  let quiet: Phantom;
  const plain = { ...small, patient: 4, noiseSdHu: 0, sliceMm: 4 };
  let straight: Phantom;
  beforeAll(async () => {
    const options = { ...small, patient: 2, columns: 256, pixelMm: 1.5, slices: 12 };
    phantom = await createPhantom(options);
    quiet = await createPhantom({ ...options, noiseSdHu: 0 });
    straight = await createPhantom(plain);
  });

  test('gives the same bytes for the same seed, on every version of Node', async () => {
    const options = { ...small, patient: 1, slices: 6 };
    const [a, b] = [await createPhantom(options), await createPhantom(options)];
    expect(digest(a)).toBe(digest(b));
    expect(digest(a)).toBe('bf85118a7172947eb83e9d45c3ebc7301313d7abb9f1482b9360dcd166c67e01');
  });

  test('gives different patients, and different ones again for another seed', async () => {
    const options = { ...small, slices: 4 };
    const phantoms = [
      await createPhantom({ ...options, patient: 1 }),
      await createPhantom({ ...options, patient: 2 }),
      await createPhantom({ ...options, patient: 3 }),
      await createPhantom({ ...options, seed: 12, patient: 1 }),
    ];
    expect(new Set(phantoms.map(digest)).size).toBe(4);
    expect(new Set(phantoms.map((p) => p.facts.noiseSdHu)).size).toBeGreaterThan(1);
    expect(new Set(phantoms.map((p) => p.facts.lesions.length)).size).toBeGreaterThan(1);
    for (let a = 0; a < 4; a++) {
      for (let b = 0; b < a; b++) {
        const [p, q] = [phantoms[a]!.labelmap.voxels, phantoms[b]!.labelmap.voxels];
        let both = 0;
        let either = 0;
        for (let i = 0; i < p.length; i++) {
          if (p[i] !== 0 && q[i] !== 0) both++;
          if (p[i] !== 0 || q[i] !== 0) either++;
        }
        expect(both / either).toBeLessThan(0.93);
      }
    }
  });

  test('lesions are visible in their noise, or as dark as the range allows', async () => {
    const options = {
      ...small,
      slices: 2,
      noiseSdHu: 25,
      lesions: [8, 8],
      lesionDiameterMm: [5, 20],
    } as const;
    const lesions = [];
    for (const patient of [1, 2, 3])
      lesions.push(...(await createPhantom({ ...options, patient })).facts.lesions);
    // Rose: contrast / noise x root of (section / grain of 1.5 mm x 1.5 mm) >= 5, by hand.
    const rose = (contrast: number, diameter: number) =>
      (contrast / 25) * Math.sqrt((Math.PI * diameter ** 2) / 4 / 1.5 ** 2);
    expect(lesions.length).toBeGreaterThan(15);
    for (const { contrastHu, diameterMm } of lesions) {
      expect(contrastHu).toBeLessThanOrEqual(60);
      expect(rose(contrastHu, diameterMm)).toBeGreaterThan(4.9);
    }
    expect(Math.min(...lesions.map(({ contrastHu }) => contrastHu))).toBeLessThan(30);
    const faint = { ...options, lesionContrastHu: [15, 20] } as const;
    for (const { contrastHu } of (await createPhantom({ ...faint, patient: 1 })).facts.lesions)
      expect(contrastHu).toBeLessThanOrEqual(20);
  });

  test('noise does not touch the truth', () => {
    expect(Buffer.compare(phantom.labelmap.voxels, quiet.labelmap.voxels)).toBe(0);
  });

  test('the liver has the stated HU, and noise of the stated sd, correlated between neighbours', () => {
    const inner = eroded(phantom, 1, 3);
    const { mean, n } = statistics(phantom, inner);
    expect(n).toBeGreaterThan(10_000);
    // Vessels and lesion borders inside shift the mean by a few HU.
    expect(Math.abs(mean - phantom.facts.liverHu)).toBeLessThan(6);

    const difference = (i: number) => phantom.volume.voxels[i]! - quiet.volume.voxels[i]!;
    let squares = 0;
    let besides = 0;
    let count = 0;
    for (let i = 0; i + 1 < phantom.volume.voxels.length; i++) {
      if (!inner(i) || !inner(i + 1)) continue;
      squares += difference(i) ** 2;
      besides += difference(i) * difference(i + 1);
      count++;
    }
    const sd = Math.sqrt(squares / count);
    expect(phantom.facts.noiseSdHu).toBeGreaterThanOrEqual(10);
    expect(phantom.facts.noiseSdHu).toBeLessThanOrEqual(25);
    expect(Math.abs(sd / phantom.facts.noiseSdHu - 1)).toBeLessThan(0.1);
    const correlation = besides / squares;
    expect(correlation).toBeGreaterThan(0.25);
    expect(correlation).toBeLessThan(0.95);
  });

  test('lesions are as dark, as large and where the facts say', async () => {
    const fine = await createPhantom({
      seed: 5,
      patient: 1,
      columns: 256,
      pixelMm: 1.4,
      sliceMm: 2,
      coverage: 'liver',
      lesions: [6, 6],
      lesionDiameterMm: [9, 40],
      noiseSdHu: 0,
    });
    const { geometry } = fine.volume;
    expect(fine.facts.lesions).toHaveLength(6);
    let judged = 0;
    for (const lesion of fine.facts.lesions) {
      expect(lesion.contrastHu).toBeGreaterThanOrEqual(15);
      expect(lesion.contrastHu).toBeLessThanOrEqual(60);
      const c = worldToIndex(geometry, lesion.centreMm).map(Math.round);
      const at = c[0]! + geometry.size[0] * (c[1]! + geometry.size[1] * c[2]!);
      expect(fine.labelmap.voxels[at]).toBe(2);
      if (!lesion.wholeInLiver) continue;
      judged++;
      const measured = 2 * Math.cbrt((lesion.volumeMl * 1000 * 3) / (4 * Math.PI));
      expect(Math.abs(measured - lesion.diameterMm)).toBeLessThan(1.4);
      const core: number[] = [];
      for (let b = -1; b <= 1; b++) {
        for (let a = -1; a <= 1; a++) core.push(fine.volume.voxels[at + a + b * geometry.size[0]]!);
      }
      const contrast = fine.facts.liverHu - core.reduce((x, y) => x + y) / core.length;
      if (!lesion.necrosis && lesion.diameterMm > 14) {
        expect(Math.abs(contrast - lesion.contrastHu)).toBeLessThan(6);
      }
    }
    expect(judged).toBeGreaterThan(2);
    const voxels = fine.facts.lesions.reduce((sum, lesion) => sum + lesion.voxels, 0);
    expect(voxels).toBe(fine.labelmap.voxels.filter((v) => v === 2).length);
  });

  test('lesions are 1 to 8, of 5 to 60 mm, 15 to 60 HU, over many patients', async () => {
    const rims: boolean[] = [];
    for (let patient = 1; patient <= 12; patient++) {
      const { facts } = await createPhantom({ seed: 3, patient, columns: 32, pixelMm: 12, slices: 1 });
      expect(facts.lesions.length).toBeGreaterThanOrEqual(1);
      expect(facts.lesions.length).toBeLessThanOrEqual(8);
      for (const lesion of facts.lesions) {
        expect(lesion.diameterMm).toBeGreaterThanOrEqual(5);
        expect(lesion.diameterMm).toBeLessThanOrEqual(60);
        expect(lesion.contrastHu).toBeGreaterThanOrEqual(15);
        expect(lesion.contrastHu).toBeLessThanOrEqual(60);
        rims.push(lesion.rim);
      }
    }
    expect(rims).toContain(true);
    expect(rims).toContain(false);
  });

  test('looks like an abdomen: liver on the right, air outside, gas, lungs, bone, fat and a table', async () => {
    const whole = await createPhantom({ seed: 4, patient: 3, columns: 128, pixelMm: 3.2, sliceMm: 5 });
    const { geometry, voxels } = whole.volume;
    const liver = [0, 0, 0];
    let n = 0;
    let lung = 0;
    let bone = 0;
    let fat = 0;
    whole.labelmap.voxels.forEach((label, i) => {
      const hu = voxels[i]!;
      if (hu > -930 && hu < -780) lung++;
      if (hu > 250) bone++;
      if (hu > -130 && hu < -75) fat++;
      if (label === 0) return;
      n++;
      liver[0]! += i % geometry.size[0];
      liver[1]! += Math.floor(i / geometry.size[0]) % geometry.size[1];
      liver[2]! += Math.floor(i / (geometry.size[0] * geometry.size[1]));
    });
    const centre = indexToWorld(geometry, liver.map((sum) => sum / n) as unknown as Vec3);
    const middle = indexToWorld(geometry, [63.5, 63.5, (geometry.size[2] - 1) / 2]);
    // LPS: the patient's right is towards negative x.
    expect(centre[0]).toBeLessThan(middle[0] - 20);
    expect(axisVector(geometry, 2)).toEqual([0, 0, 1]);
    expect(whole.facts.liverVolumeMl).toBeGreaterThan(700);
    expect(whole.facts.liverVolumeMl).toBeLessThan(2600);
    const perVoxelMl = (3.2 * 3.2 * 5) / 1000;
    expect(lung * perVoxelMl).toBeGreaterThan(500);
    expect(bone * perVoxelMl).toBeGreaterThan(100);
    expect(fat * perVoxelMl).toBeGreaterThan(2000);
    expect(statistics(whole, (i) => i % 128 < 4 && Math.floor(i / 128) % 128 < 4).mean).toBeLessThan(-985);
    // Behind the back: foam and carbon fibre of the table.
    let table = 0;
    for (let j = 100; j < 128; j++) {
      const hu = voxels[64 + 128 * (j + 128 * 20)]!;
      if (hu > -975 && hu < -500) table++;
    }
    expect(table).toBeGreaterThan(4);
  });

  test('an oblique grid shows the same patient', async () => {
    const c = Math.cos(0.3);
    const s = Math.sin(0.3);
    const oblique = await createPhantom({ ...plain, direction: [c, 0, s, 0, 1, 0, -s, 0, c], slices: 56 });
    expect(oblique.facts.lesions.map((l) => l.centreMm)).toEqual(
      straight.facts.lesions.map((l) => l.centreMm),
    );
    // Voxels of the straight grid, looked up in the oblique one.
    const g = straight.volume.geometry;
    const o = oblique.volume.geometry;
    let same = 0;
    let all = 0;
    for (let k = 0; k < g.size[2]; k += 2) {
      for (let j = 0; j < g.size[1]; j += 2) {
        for (let i = 0; i < g.size[0]; i += 2) {
          const q = worldToIndex(o, indexToWorld(g, [i, j, k])).map(Math.round) as unknown as Vec3;
          if (q.some((v, a) => v < 0 || v >= o.size[a]!)) continue;
          const a = straight.labelmap.voxels[i + g.size[0] * (j + g.size[1] * k)]! > 0;
          const b = oblique.labelmap.voxels[q[0] + o.size[0] * (q[1] + o.size[1] * q[2])]! > 0;
          if (a || b) all++;
          if (a && b) same++;
        }
      }
    }
    expect(all).toBeGreaterThan(3000);
    expect(same / all).toBeGreaterThan(0.88);
  });

  test('a tilted gantry leans the slices, keeps the table along z, and shows the same patient', async () => {
    const tilted = await createPhantom({ ...plain, tiltDegrees: 15 });
    const o = tilted.volume.geometry;
    const normal = axisVector(o, 2);
    expect(Math.acos(normal[2]) * (180 / Math.PI)).toBeCloseTo(15, 6);
    const step = tilted.sliceStepMm!;
    expect(step.slice(0, 2)).toEqual([0, 0]);
    expect(step[2] * normal[2]).toBeCloseTo(4, 9);
    // Voxels of the sheared stack, looked up in the straight grid.
    let same = 0;
    let all = 0;
    for (let k = 0; k < o.size[2]; k += 2) {
      for (let j = 0; j < o.size[1]; j += 2) {
        for (let i = 0; i < o.size[0]; i += 2) {
          const inFirst = indexToWorld(o, [i, j, 0]);
          const g = straight.volume.geometry;
          const world: Vec3 = [inFirst[0], inFirst[1], inFirst[2] + k * step[2]];
          const q = worldToIndex(g, world).map(Math.round) as unknown as Vec3;
          if (q.some((v, axis) => v < 0 || v >= g.size[axis]!)) continue;
          const a = tilted.labelmap.voxels[i + o.size[0] * (j + o.size[1] * k)]! > 0;
          const b = straight.labelmap.voxels[q[0] + g.size[0] * (q[1] + g.size[1] * q[2])]! > 0;
          if (a || b) all++;
          if (a && b) same++;
        }
      }
    }
    expect(all).toBeGreaterThan(3000);
    expect(same / all).toBeGreaterThan(0.88);
  });

  test('cancels, and refuses what it cannot make', async () => {
    const abort = new AbortController();
    await expect(
      createPhantom(
        { ...small, patient: 1 },
        { signal: abort.signal, onProgress: (e) => e.done === 3 && abort.abort(new Error('stopped')) },
      ),
    ).rejects.toThrow('stopped');
    for (const wrong of [
      { patient: 0 },
      { patient: 1, columns: 1.5 },
      { patient: 1, lesions: [4, 2] as const },
      { patient: 1, noiseSdHu: Number.NaN },
      { patient: 1, preset: 'huge' as 'full' },
      { patient: 1, tiltDegrees: 80 },
      { patient: 1, direction: [1, 0, 0, 0, 1, 0, 0, 0, -1] as const },
      { patient: 1, slices: 1, direction: [1, 0, 0, 0, 2, 0, 0, 0, 1] as const },
    ]) {
      await expect(createPhantom({ ...small, ...wrong })).rejects.toThrow(ImagingError);
    }
  });
});
