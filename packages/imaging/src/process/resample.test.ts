import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { debianPython, hasSystemTools, needs } from '../../../../testing/system-tools.ts';
import { type Geometry, indexToWorld, type Mat3, type Vec3, worldToIndex } from '../geometry/geometry.ts';
import { createRandom } from '../random/seeded-random.ts';
import { createLabelmap, liverLabels } from '../volume/labelmap.ts';
import { createVolume, type Volume } from '../volume/volume.ts';
import { indexMapBetween } from './index-map.ts';
import { reorientGeometry, reorientVolume } from './reorient.ts';
import { resampleLabelmap, resampleVolume, withSpacing } from './resample.ts';

const straight: Mat3 = [1, 0, 0, 0, 1, 0, 0, 0, 1];

function grid(
  size: Vec3,
  spacing: Vec3 = [1, 1, 1],
  origin: Vec3 = [0, 0, 0],
  direction = straight,
): Geometry {
  return { size, spacing, origin, direction };
}

/** Rotation about x, then y, then z, in radians. */
function rotation(a: number, b: number, c: number): Mat3 {
  const [ca, sa, cb, sb, cc, sc] = [
    Math.cos(a),
    Math.sin(a),
    Math.cos(b),
    Math.sin(b),
    Math.cos(c),
    Math.sin(c),
  ];
  return [
    cc * cb,
    cc * sb * sa - sc * ca,
    cc * sb * ca + sc * sa,
    sc * cb,
    sc * sb * sa + cc * ca,
    sc * sb * ca - cc * sa,
    -sb,
    cb * sa,
    cb * ca,
  ];
}

function noise(geometry: Geometry, seed: number, kind: 'int16' | 'float32' = 'int16'): Volume {
  const random = createRandom(seed, 'resample test');
  const count = geometry.size[0] * geometry.size[1] * geometry.size[2];
  const values = Array.from({ length: count }, () => Math.round(random.between(-1000, 1500)));
  return createVolume(geometry, kind === 'int16' ? Int16Array.from(values) : Float32Array.from(values));
}

/** A volume whose value is a linear function of the position in the patient: linear resampling must keep it. */
function ramp(geometry: Geometry): Volume {
  const [nx, ny, nz] = geometry.size;
  const voxels = new Float32Array(nx * ny * nz);
  let at = 0;
  for (let k = 0; k < nz; k++)
    for (let j = 0; j < ny; j++)
      for (let i = 0; i < nx; i++) voxels[at++] = rampAt(indexToWorld(geometry, [i, j, k]));
  return createVolume(geometry, voxels);
}

const rampAt = (p: Vec3) => 3 * p[0] - 2 * p[1] + 0.5 * p[2] + 40;

const oblique = grid([9, 8, 7], [0.8, 1.1, 2.5], [-10, 4, 33], rotation(0.3, -0.2, 0.5));

const everyMethod = ['nearest', 'linear', 'cubic'] as const;

describe('resampleVolume', () => {
  test.each(everyMethod)('the same grid gives the same voxels, in new memory: %s', (method) => {
    for (const geometry of [oblique, grid([1, 5, 1]), { ...oblique, direction: nearlyOrthogonal }]) {
      const volume = noise(geometry, 1);
      const same = resampleVolume(volume, geometry, { method });
      expect(same.voxels).toEqual(volume.voxels);
      expect(same.voxels).not.toBe(volume.voxels);
      expect(same.geometry).toEqual(geometry);
    }
  });

  // Direction cosines from a file are often rounded; the grid must still map onto itself.
  const nearlyOrthogonal: Mat3 = [1, 0.0005, 0, 0, 1, 0, 0, 0, 1];

  test('a linear function of position is kept on any grid, border aside', () => {
    const source = ramp(grid([20, 22, 12], [0.8, 1.1, 2.5], [-10, 4, 33], rotation(0.3, -0.2, 0.5)));
    const corner = indexToWorld(source.geometry, [3, 3, 2]);
    for (const direction of [rotation(-0.1, 0.4, 0.2), source.geometry.direction, rotation(3, 0.2, 1.5)]) {
      const target = grid([8, 7, 6], [0.9, 0.5, 0.7], corner, direction);
      for (const method of ['linear', 'cubic'] as const) {
        const result = resampleVolume(source, target, { method, antialias: false, outside: Number.NaN });
        let checked = 0;
        for (let at = 0; at < result.voxels.length; at++) {
          const index: Vec3 = [at % 8, Math.floor(at / 8) % 7, Math.floor(at / 56)];
          const world = indexToWorld(target, index);
          const c = worldToIndex(source.geometry, world);
          if (c.some((v, axis) => v < 0 || v > source.geometry.size[axis]! - 1)) continue;
          // The mirrored spline is only flat at the border; farther in a ramp is a ramp.
          if (method === 'cubic' && c.some((v, axis) => v < 5 || v > source.geometry.size[axis]! - 6))
            continue;
          expect(result.voxels[at]).toBeCloseTo(rampAt(world), 2);
          checked++;
        }
        if (method === 'linear') expect(checked).toBeGreaterThan(20);
      }
    }
  });

  test('hand-computed: half a voxel to the right of 0 10 20 40, and the border', () => {
    const volume = createVolume(grid([4, 1, 1]), Float32Array.of(0, 10, 20, 40));
    const at = (origin: number, size: number, spacing: number, outside?: number) => [
      ...resampleVolume(volume, grid([size, 1, 1], [spacing, 1, 1], [origin, 0, 0]), {
        antialias: false,
        outside,
      }).voxels,
    ];
    expect(at(0.5, 3, 1)).toEqual([5, 15, 30]);
    // -0.5 is the edge of the first voxel, -0.75 lies outside; 3.5 is the far edge, 3.75 outside.
    expect(at(-0.75, 4, 0.25)).toEqual([-1024, 0, 0, 0]);
    expect(at(3.25, 3, 0.25, -7)).toEqual([40, 40, -7]);
    expect(at(100, 2, 1)).toEqual([-1024, -1024]);
  });

  test('nearest takes the higher of two voxels at equal distance and keeps to the border rule', () => {
    const volume = createVolume(grid([4, 1, 1]), Int16Array.of(0, 10, 20, 40));
    const target = grid([11, 1, 1], [0.5, 1, 1], [-1, 0, 0]);
    const { voxels } = resampleVolume(volume, target, { method: 'nearest' });
    expect([...voxels]).toEqual([-1024, 0, 0, 10, 10, 20, 20, 40, 40, 40, -1024]);
  });

  test('Int16 is rounded, and a cubic overshoot is held in range', () => {
    const voxels = Int16Array.of(-32768, -32768, -32768, 32767, 32767, 32767);
    const target = grid([11, 1, 1], [0.5, 1, 1]);
    const result = resampleVolume(createVolume(grid([6, 1, 1]), voxels), target, { method: 'cubic' });
    expect(result.voxels).toBeInstanceOf(Int16Array);
    expect(Math.max(...result.voxels)).toBe(32767);
    expect(Math.min(...result.voxels)).toBe(-32768);
    const halves = resampleVolume(
      createVolume(grid([3, 1, 1]), Int16Array.of(-1, 0, 1)),
      grid([2, 1, 1], [1, 1, 1], [0.5, 0, 0]),
      {
        antialias: false,
      },
    );
    expect([...halves.voxels]).toEqual([0, 1]);
  });

  test('shrinking with anti-aliasing: a checkerboard becomes its mean, a constant stays, without it aliases', () => {
    const fine = grid([32, 32, 8]);
    const voxels = Float32Array.from({ length: 32 * 32 * 8 }, (_, i) =>
      ((i % 32) + Math.floor(i / 32)) % 2 ? 100 : 0,
    );
    const coarse = withSpacing(fine, [4, 4, 1]);
    const smooth = resampleVolume(createVolume(fine, voxels), coarse).voxels;
    for (const value of smooth) expect(Math.abs(value - 50)).toBeLessThan(2);
    // Onto one voxel as large as the moon: the mean, not the corners, and at once.
    const one = grid([1, 1, 1], [3e9, 3e9, 3e9], [15.5, 15.5, 3.5]);
    for (const method of ['linear', 'cubic'] as const)
      expect(resampleVolume(createVolume(fine, voxels), one, { method }).voxels[0]).toBeCloseTo(50, 3);
    const shifted = grid([8, 8, 8], [4, 4, 1]);
    const aliased = resampleVolume(createVolume(fine, voxels), shifted, { antialias: false }).voxels;
    expect(aliased.every((value) => value === 0)).toBe(true);
    const constant = resampleVolume(
      createVolume(
        fine,
        voxels.map(() => 37),
      ),
      coarse,
      { method: 'cubic' },
    ).voxels;
    for (const value of constant) expect(value).toBeCloseTo(37, 4);
  });

  test('the separable and the point-by-point path agree', () => {
    // A tilt of 1e-6 rad is no visible change, but forces the general path.
    const source = noise(grid([24, 20, 16], [0.7, 0.9, 2], [5, 6, 7]), 3, 'float32');
    for (const spacing of [
      [1.6, 0.5, 3.1],
      [0.7, 0.9, 2],
    ] as const) {
      const target = { ...withSpacing(source.geometry, spacing), origin: [4.2, 6.3, 8.1] as Vec3 };
      const tilted = { ...target, direction: rotation(2e-6, 2e-6, 2e-6) };
      for (const method of ['linear', 'cubic'] as const) {
        const a = resampleVolume(source, target, { method }).voxels;
        const b = resampleVolume(source, tilted, { method }).voxels;
        let worst = 0;
        for (let i = 0; i < a.length; i++) worst = Math.max(worst, Math.abs(a[i]! - b[i]!));
        expect(worst).toBeLessThan(0.5);
        expect(worst).toBeGreaterThan(0);
      }
    }
  });

  test('flips and permutations go the separable way without loss', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(
          ...([
            [0, 1, 2],
            [1, 2, 0],
            [2, 0, 1],
            [0, 2, 1],
            [2, 1, 0],
            [1, 0, 2],
          ] as const),
        ),
        fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()),
        fc.constantFrom(...everyMethod),
        (perm, flip, method) => {
          const volume = noise(oblique, 4);
          const wanted = reorientVolume(volume, { perm, flip });
          const target = reorientGeometry(oblique, { perm, flip });
          expect(resampleVolume(volume, target, { method }).voxels).toEqual(wanted.voxels);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('a NaN stays where it has a share; cubic refuses it', () => {
    const volume = createVolume(grid([5, 1, 1]), Float32Array.of(1, 2, Number.NaN, 4, 5));
    const same = resampleVolume(volume, { ...volume.geometry, spacing: [1, 2, 1] }, { antialias: false });
    expect([...same.voxels]).toEqual([1, 2, Number.NaN, 4, 5]);
    const half = resampleVolume(volume, grid([4, 1, 1], [1, 1, 1], [0.5, 0, 0]));
    expect([...half.voxels]).toEqual([1.5, Number.NaN, Number.NaN, 4.5]);
    expect(() => resampleVolume(volume, volume.geometry, { method: 'cubic' })).toThrow(/finite/);
  });

  test('refuses a value outside that Int16 cannot hold, and a broken grid', () => {
    const volume = noise(grid([2, 2, 2]), 5);
    expect(() => resampleVolume(volume, volume.geometry, { outside: Number.NaN })).toThrow(/Int16/);
    expect(() => resampleVolume(volume, grid([2, 0, 2]))).toThrow(/three positive integers/);
    expect(() => resampleVolume(volume, grid([1e6, 1e6, 2]))).toThrow(/too large/);
  });

  test('an aborted signal ends it', () => {
    const signal = AbortSignal.abort(new Error('enough'));
    const volume = noise(grid([2, 2, 2]), 6);
    for (const method of everyMethod)
      expect(() => resampleVolume(volume, volume.geometry, { method }, { signal })).toThrow('enough');
  });
});

/** The same task for scipy: JSON in, raw little-endian float64 out, x fastest. */
const scipyProgram = `
import json, sys, numpy as np
from scipy import ndimage
task = json.load(sys.stdin)
n = task['size']
a = np.array(task['voxels'], dtype=np.float64).reshape(n[2], n[1], n[0])
m = np.array(task['matrix']).reshape(3, 3)
if 'sigma' in task:
    s = task['sigma']
    for axis in range(3):
        if s[2 - axis] > 0:
            def smooth(b): return ndimage.gaussian_filter1d(b, s[2 - axis], axis=axis, mode='constant', radius=int(np.ceil(4 * s[2 - axis])))
            a = smooth(a) / smooth(np.ones_like(a))
t = task['target']
k, j, i = np.meshgrid(*[np.arange(t[d]) for d in (2, 1, 0)], indexing='ij')
c = m @ np.stack([i.ravel(), j.ravel(), k.ravel()]) + np.array(task['offset'])[:, None]
inside = np.all((c >= -0.5) & (c <= np.array(n)[:, None] - 0.5), axis=0)
c = np.clip(c, 0, np.array(n)[:, None] - 1)
r = ndimage.map_coordinates(a, c[::-1], order=task['order'], mode='mirror')
r[~inside] = -1024
json.dump(r.tolist(), sys.stdout)
`;

function scipy(volume: Volume, target: Geometry, order: number, sigma?: readonly number[]): number[] {
  const { matrix, offset } = indexMapBetween(target, volume.geometry);
  const task = {
    size: volume.geometry.size,
    voxels: [...volume.voxels],
    matrix,
    offset,
    target: target.size,
    order,
    sigma,
  };
  const run = spawnSync(debianPython, ['-c', scipyProgram], {
    input: JSON.stringify(task),
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (run.status !== 0) throw new Error(run.stderr);
  return JSON.parse(run.stdout);
}

describe('against scipy.ndimage', () => {
  const available = hasSystemTools(['python3-scipy']);
  const source = noise(
    grid([19, 17, 15], [0.8, 1.1, 2.5], [-10, 4, 33], rotation(0.3, -0.2, 0.5)),
    7,
    'float32',
  );
  const middle = indexToWorld(source.geometry, [2.3, 1.1, 0.43]);
  const targets: readonly [string, Geometry][] = [
    ['oblique', grid([15, 14, 13], [1.3, 0.9, 1.7], middle, rotation(0.1, 0.2, -0.4))],
    ['aligned, partly outside', grid([25, 13, 30], [0.63, 1.9, 1.41], middle, source.geometry.direction)],
    [
      'axes permuted and flipped, partly outside',
      reorientGeometry(grid([20, 31, 12], [0.57, 1.33, 3.1], middle, source.geometry.direction), {
        perm: [2, 0, 1],
        flip: [true, false, true],
      }),
    ],
    [
      'left-handed',
      grid(
        [15, 14, 13],
        [1.3, 0.9, 1.7],
        middle,
        rotation(0.1, 0.2, -0.4).map((v, i) => (i % 3 ? v : -v)) as unknown as Mat3,
      ),
    ],
  ];
  for (const [name, target] of targets) {
    test.skipIf(!available)(needs(['python3-scipy'], `nearest, linear and cubic: ${name}`), () => {
      for (const [method, order] of [
        ['nearest', 0],
        ['linear', 1],
        ['cubic', 3],
      ] as const) {
        const ours = resampleVolume(source, target, { method, antialias: false }).voxels;
        const theirs = scipy(source, target, order);
        expect(theirs.filter((v) => v !== -1024).length).toBeGreaterThan(200);
        let worst = 0;
        for (let i = 0; i < theirs.length; i++) worst = Math.max(worst, Math.abs(ours[i]! - theirs[i]!));
        expect(worst).toBeLessThan(0.002);
      }
    });
  }

  test.skipIf(!available)(needs(['python3-scipy'], 'anti-aliased, aligned and oblique'), () => {
    // Widths of the target in source voxels along the source axes, by hand: (3, 2, 2) and (2, 1, 1).
    const sigma = (f: number) => Math.sqrt((f * f - 1) / (8 * Math.log(2)));
    const aligned = grid([6, 7, 7], [2.4, 2.2, 5], source.geometry.origin, source.geometry.direction);
    const iso = noise(grid([20, 18, 16]), 8, 'float32');
    const turned = grid([8, 9, 9], [2, 1, 1], [1, 2, 3], rotation(0.7, 0, 0));
    for (const [volume, target, sigmas] of [
      [source, aligned, [sigma(3), sigma(2), sigma(2)]],
      [iso, turned, [sigma(2), 0, 0]],
    ] as const) {
      for (const [method, order] of [
        ['linear', 1],
        ['cubic', 3],
      ] as const) {
        const ours = resampleVolume(volume, target, { method }).voxels;
        const theirs = scipy(volume, target, order, sigmas);
        for (let i = 0; i < theirs.length; i++) expect(Math.abs(ours[i]! - theirs[i]!)).toBeLessThan(0.01);
      }
    }
  });
});

describe('resampleLabelmap', () => {
  test('keeps values and table, 0 outside', () => {
    const geometry = grid([4, 3, 2], [2, 2, 4], [10, 20, 30]);
    const labels = createLabelmap(
      geometry,
      Uint8Array.from({ length: 24 }, (_, i) => i % 3),
      liverLabels,
    );
    const fine = resampleLabelmap(labels, withSpacing(geometry, [1, 1, 2]));
    expect(fine.geometry.size).toEqual([8, 6, 4]);
    expect(fine.labels).toBe(liverLabels);
    const back = resampleLabelmap(fine, geometry);
    expect(back.voxels).toEqual(labels.voxels);
    const away = resampleLabelmap(labels, grid([2, 2, 2], [1, 1, 1], [-50, 0, 0]));
    expect(away.voxels.every((value) => value === 0)).toBe(true);
  });
});

describe('withSpacing', () => {
  test('keeps the field of view between voxel edges and the centre', () => {
    const coarse = withSpacing(grid([512, 512, 129], [0.7, 0.7, 1.6]), [1.4, 1.4, 1.6]);
    expect(coarse.size).toEqual([256, 256, 129]);
    expect(coarse.origin[0]).toBeCloseTo(0.35, 12);
    expect(coarse.origin[2]).toBe(0);
  });

  test('centre kept within rounding, ends moved by at most half a new voxel, at least one voxel', () => {
    const length = fc.double({ min: 0.2, max: 9, noNaN: true });
    const count = fc.integer({ min: 1, max: 300 });
    fc.assert(
      fc.property(
        fc.tuple(count, count, count),
        fc.tuple(length, length, length),
        fc.tuple(length, length, length),
        (size, from, to) => {
          const before = grid(size, from, [1, 2, 3], rotation(0.1, 0.4, 2));
          const after = withSpacing(before, to);
          const centre = (g: Geometry) => indexToWorld(g, g.size.map((n) => (n - 1) / 2) as unknown as Vec3);
          centre(after).forEach((v, axis) => {
            expect(v).toBeCloseTo(centre(before)[axis]!, 6);
          });
          for (let axis = 0; axis < 3; axis++) {
            const extra = Math.abs(after.size[axis]! * to[axis]! - size[axis]! * from[axis]!);
            if (after.size[axis]! > 1) expect(extra / 2).toBeLessThanOrEqual(to[axis]! / 2 + 1e-6);
          }
        },
      ),
    );
  });

  test('refuses a spacing that is none, by its own name', () => {
    for (const wrong of [0, -1, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => withSpacing(oblique, [1, wrong, 1])).toThrow(/wanted spacing.*positive lengths/);
  });

  test('the same spacing gives the very same grid', () => {
    expect(withSpacing(oblique, oblique.spacing)).toEqual(oblique);
  });
});
