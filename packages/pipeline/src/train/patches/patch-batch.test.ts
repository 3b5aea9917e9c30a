import { identityDirection } from '@glisson/imaging/geometry/geometry';
import { createRandom } from '@glisson/imaging/random/seeded-random';
import { describe, expect, test } from 'vitest';
import type { PatchPlan } from '../../plan/patch-plan.ts';
import { caseInMemory } from '../../preprocess/prepared-case.ts';
import { type HardNegative, hardOfNumbers, hardToNumbers } from './hard-negatives.ts';
import { augmentPatch, createPatchBatch } from './patch-batch.ts';
import { chooseSlices, openPatchCase } from './patch-case.ts';
import { sampleMiddle } from './sample-middle.ts';
import { createWindowBatch, windowsSide } from './window-batch.ts';

/** Body, liver and a lesion of so many pixels a side, in slices 1 and 2 of 4; the grey value says what a pixel is. */
function labelled(id: string, patient: string, lesionSide: number) {
  const size = [36, 30, 4] as const;
  const image = new Int16Array(36 * 30 * 4).fill(-160);
  const labels = new Uint8Array(image.length);
  for (let k = 0; k < 4; k++) {
    for (let y = 3; y < 27; y++) {
      for (let x = 3; x < 33; x++) {
        const i = (k * 30 + y) * 36 + x;
        const isLesion =
          (k === 1 || k === 2) && x >= 10 && x < 10 + lesionSide && y >= 9 && y < 9 + lesionSide;
        const isLiver = x >= 6 && x < 22 && y >= 6 && y < 22;
        labels[i] = isLesion ? 2 : isLiver ? 1 : 0;
        image[i] = isLesion ? 0 : isLiver ? 120 : -60;
      }
    }
  }
  const geometry = { size, spacing: [6, 6, 5], origin: [0, 0, 0], direction: identityDirection } as const;
  return caseInMemory(id, patient, geometry, image, labels);
}

function planWith(training: Partial<PatchPlan['training']> = {}) {
  return {
    preprocess: {
      windowHU: [-160, 240],
      spacingMm: null,
      equalise: { method: 'none', histogram: 'body', clipLimit: 2, tiles: [2, 2] },
      crop: 'body',
      padding: { pixels: 4, value: 0 },
      channels: { source: 'repeat', count: 1, spacingMm: 5, windowsHU: [] },
      mean: 0,
      sd: 1,
    },
    network: { inputChannels: 1 },
    training: {
      seed: 3,
      batchSize: 400,
      patchSize: 9,
      stride: 1,
      sampling: { lesion: 0.5, hard: 0.5, outsideLiver: 0.25, balance: 'patient' },
      augmentation: {
        flipProbability: [0.5, 0.5],
        transposeProbability: 0.5,
        intensityProbability: 0,
        shift: 0,
        contrast: [0.9, 1.1],
        noise: 0,
      },
      ...training,
    },
    inference: { outputStride: 1, mask: 'body' },
  } as unknown as PatchPlan;
}

const cases = (plan = planWith()) => [
  openPatchCase(labelled('a', 'A', 9), plan),
  openPatchCase(labelled('b', 'A', 9), plan),
  openPatchCase(labelled('c', 'B', 2), plan),
  openPatchCase(labelled('d', 'C', 0), plan),
];

describe('patches for training', () => {
  test('the label is that of the middle pixel, however the patch is turned, and the kinds come as often as planned', () => {
    const plan = planWith();
    const { images, targets } = createPatchBatch(cases(), [], plan, 5);
    const counts = { lesion: 0, liver: 0, outside: 0 };
    for (let n = 0; n < 400; n++) {
      const middle = images[n * 81 + 40]!;
      const kind = middle === Math.fround(0.4) ? 'lesion' : middle === Math.fround(0.7) ? 'liver' : 'outside';
      if (kind === 'outside') expect(middle).toBe(0.25);
      expect(targets[n]).toBe(kind === 'lesion' ? 1 : 0);
      counts[kind]++;
    }
    expect(counts.lesion / 400).toBeCloseTo(0.5, 1);
    expect(counts.outside / (400 - counts.lesion)).toBeCloseTo(0.25, 1);
  });

  test('the same step gives the same batch, another one another', () => {
    const plan = planWith();
    const all = cases();
    expect(createPatchBatch(all, [], plan, 5)).toEqual(createPatchBatch(cases(), [], plan, 5));
    expect(createPatchBatch(all, [], plan, 6).images).not.toEqual(createPatchBatch(all, [], plan, 5).images);
  });

  test.each([
    ['patient', 0.5],
    ['voxel', 4 / (81 + 81 + 4)],
  ] as const)(
    'balanced by %s, the patient with the small lesion gives a share of %f of the lesions',
    (balance, share) => {
      const { training } = planWith({ sampling: { lesion: 1, hard: 0, outsideLiver: 0, balance } });
      const all = cases();
      let small = 0;
      for (let n = 0; n < 1000; n++) {
        const { patchCase } = sampleMiddle(all, [], training, createRandom('draw', n));
        expect(patchCase.prepared.id).not.toBe('d');
        if (patchCase.prepared.id === 'c') small++;
      }
      expect(Math.abs(small / 1000 - share)).toBeLessThan(0.05);
    },
  );

  test('mined negatives make up their share of the patches without lesion', () => {
    const { training } = planWith();
    const all = cases();
    const hard: HardNegative[] = [{ caseIndex: 2, slice: 3, pixel: [7, 8] }];
    let mined = 0;
    for (let n = 0; n < 1000; n++) {
      const { patchCase, slice, pixel, target } = sampleMiddle(all, hard, training, createRandom('hard', n));
      if (patchCase === all[2] && slice === 3 && pixel[0] === 7 && pixel[1] === 8) {
        mined++;
        expect(target).toBe(0);
      }
    }
    expect(mined / 1000).toBeGreaterThan(0.2);
    expect(mined / 1000).toBeLessThan(0.31);
    expect(hardOfNumbers(hardToNumbers(hard))).toEqual(hard);
  });

  test('on a stride middles lie on its multiples on the crop, every one of them', () => {
    const plan = planWith({ stride: 7 });
    const one = openPatchCase(labelled('a', 'A', 9), plan);
    const { crop } = one.scan;
    const seen = new Set<string>();
    const totals = ['lesion', 'liver', 'outside'] as const;
    for (const kind of totals) {
      for (let rank = 0; rank < one.counts[kind].at(-1)!; rank++) {
        const { slice, pixel } = one.middleOf(kind, rank);
        expect([pixel[0] % 7, pixel[1] % 7]).toEqual([0, 0]);
        const label = one.labels(slice)[pixel[1] * crop.width + pixel[0]];
        expect(label).toBe(kind === 'lesion' ? 2 : kind === 'liver' ? 1 : 0);
        seen.add(`${slice} ${pixel.join()}`);
      }
    }
    const body = one.slices.flatMap((k) => {
      const mask = one.scan.body(k);
      return [...mask.keys()].filter(
        (i) => mask[i] === 1 && (i % crop.width) % 7 === 0 && Math.floor(i / crop.width) % 7 === 0,
      );
    });
    expect(seen.size).toBe(body.length);
  });

  test('a small beginning uses slices with lesions only, as long as there are any', () => {
    expect(chooseSlices(labelled('a', 'A', 9), 1)).toEqual([2]);
    expect(chooseSlices(labelled('a', 'A', 9), 2)).toEqual([1, 2]);
    expect(chooseSlices(labelled('d', 'C', 0), 2)).toEqual([1, 3]);
    expect(chooseSlices(labelled('a', 'A', 9))).toEqual([0, 1, 2, 3]);
  });

  test('contrast and brightness act about the mean of the plan, noise on every pixel', () => {
    const augmentation = {
      flipProbability: [0, 0] as [number, number],
      transposeProbability: 0,
      intensityProbability: 1,
      shift: 0.1,
      contrast: [2, 2] as [number, number],
      noise: 0,
    };
    const patch = Float32Array.of(-1, 0, 1, 2);
    augmentPatch(patch, 1, 2, { preprocess: { sd: 0.5 }, training: { augmentation } }, createRandom(1));
    const shift = patch[1]!;
    expect(Math.abs(shift)).toBeLessThanOrEqual(0.2);
    expect([...patch].map((v) => v - shift)).toEqual([-2, 0, 2, 4].map((v) => expect.closeTo(v, 5)));
  });
});

describe('windows of the dense form', () => {
  const [windows, outputStride] = [4, 3];
  const plan = {
    ...planWith({ windows, batchSize: 60 }),
    inference: { outputStride, mode: 'dense' },
  } as PatchPlan;
  const opened = () => [openPatchCase(labelled('a', 'A', 7), plan)];

  test('targets are the labels of the middles, mirrored and turned with the image; air does not count', () => {
    const { images, targets } = createWindowBatch(opened(), [], plan, 5);
    const side = windowsSide(plan);
    expect(side).toBe(3 * 3 + 9);
    expect(images).toHaveLength(60 * side * side);
    // Grey values say what a pixel is: lesion 0 HU, liver 120, other body -60, of -160 to 240.
    const grey = { lesion: 160 / 400, air: 0 };
    const seen = { lesion: 0, other: 0, ignored: 0 };
    for (const [at, target] of targets.entries()) {
      const [n, j, i] = [Math.floor(at / 16), Math.floor((at % 16) / 4), at % 4];
      const value = images[n * side * side + (4 + j * outputStride) * side + 4 + i * outputStride]!;
      if (target === 255) seen.ignored++;
      else if (target === 1) seen.lesion++;
      else seen.other++;
      if (target !== 255) expect(Math.abs(value - grey.lesion) < 1e-6).toBe(target === 1);
      else expect(value).toBeCloseTo(grey.air, 6);
    }
    expect(seen.lesion).toBeGreaterThan(100);
    expect(seen.other).toBeGreaterThan(100);
    expect(seen.ignored).toBeGreaterThan(0);
  });

  test('the same step gives the same batch, another one another', () => {
    const [one, again, other] = [5, 5, 6].map((step) => createWindowBatch(opened(), [], plan, step));
    expect(again).toEqual(one);
    expect(other!.images).not.toEqual(one!.images);
  });
});
