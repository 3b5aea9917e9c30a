import { identityDirection } from '@glisson/imaging/geometry/geometry';
import { createRandom } from '@glisson/imaging/random/seeded-random';
import { describe, expect, test } from 'vitest';
import { caseInMemory } from '../preprocess/prepared-case.ts';
import { augmentIntensity, blurImage } from './augment.ts';
import { createBatch, describeBatch } from './batch.ts';
import { type CaseIndex, indexCase, voxelOfRank } from './case-index.ts';
import { samplePatchPlace } from './sample-patch.ts';

/** A prepared case of random HU with given label boxes [value, x0, x1, y0, y1, k0, k1], ends excluded. */
function boxCase(id: string, size: [number, number, number], boxes: number[][]): CaseIndex {
  const [width, height, depth] = size;
  const random = createRandom('box', id);
  const voxels = Int16Array.from({ length: width * height * depth }, () => random.integer(401) - 160);
  const labels = new Uint8Array(voxels.length);
  for (const [value, x0, x1, y0, y1, k0, k1] of boxes) {
    for (let k = k0!; k < k1!; k++)
      for (let y = y0!; y < y1!; y++)
        for (let x = x0!; x < x1!; x++) labels[(k * height + y) * width + x] = value!;
  }
  const geometry = { size, spacing: [1, 1, 3], origin: [0, 0, 0], direction: identityDirection } as const;
  return indexCase(caseInMemory(id, id, geometry, voxels, labels), true);
}

const large = boxCase(
  'large',
  [40, 40, 10],
  [
    [1, 0, 40, 0, 40, 0, 10],
    [2, 5, 35, 5, 35, 0, 10],
  ],
);
const tiny = boxCase(
  'tiny',
  [40, 40, 10],
  [
    [1, 10, 20, 10, 20, 2, 5],
    [2, 15, 16, 12, 14, 3, 4],
  ],
);
const healthy = boxCase('healthy', [40, 40, 10], [[1, 4, 8, 4, 8, 9, 10]]);

const plan = {
  preprocess: {
    windowHU: [-160, 240] as [number, number],
    spacingMm: [1, 1] as [number, number],
    contextSlices: 1,
    contextSpacingMm: 3,
    meanHU: 20,
    sdHU: 80,
  },
  training: {
    seed: 5,
    steps: 10,
    batchSize: 4,
    patchSize: [16, 16] as [number, number],
    optimiser: {
      name: 'adam' as const,
      learningRate: 1e-3,
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      weightDecay: 0,
    },
    schedule: { name: 'constant' as const, warmupSteps: 0, power: 1 },
    loss: { crossEntropyWeight: 1, diceWeight: 1, classWeights: [1, 1, 1] },
    sampling: { lesion: 0.4, liver: 0.35, anywhere: 0.25 },
    augmentation: {
      spatialProbability: 0,
      rotationDegrees: 20,
      scale: [0.8, 1.25] as [number, number],
      flipProbability: [0, 0] as [number, number],
      intensityProbability: 0,
      shiftHU: 30,
      contrast: [0.8, 1.2] as [number, number],
      noiseHU: 30,
    },
    stepsPerEpoch: 5,
    validationSlices: 5,
    weightAverageDecay: 0,
  },
};

describe('case index', () => {
  test('finds every lesion voxel by its rank', () => {
    expect(tiny.lesion.at(-1)).toBe(2);
    expect(tiny.liver.at(-1)).toBe(298);
    expect(voxelOfRank(tiny, tiny.lesion, 2, 0)).toEqual([15, 12, 3]);
    expect(voxelOfRank(tiny, tiny.lesion, 2, 1)).toEqual([15, 13, 3]);
    expect(voxelOfRank(healthy, healthy.liver, 1, 15)).toEqual([7, 7, 9]);
    expect(() => voxelOfRank(tiny, tiny.lesion, 2, 2)).toThrow(RangeError);
  });
});

describe('samplePatchPlace', () => {
  const draws = Array.from({ length: 6000 }, (_, i) =>
    samplePatchPlace([large, tiny, healthy], plan.training, createRandom(1, i)),
  );
  const share = (test: (place: (typeof draws)[number]) => boolean) =>
    draws.filter(test).length / draws.length;

  test('draws kinds by the chances of the plan', () => {
    expect(share((p) => p.kind === 'lesion')).toBeCloseTo(0.4, 1);
    expect(share((p) => p.kind === 'liver')).toBeCloseTo(0.35, 1);
    expect(share((p) => p.kind === 'anywhere')).toBeCloseTo(0.25, 1);
  });

  test('a huge lesion does not drown a tiny one: 9000 voxels and 2 are drawn as often', () => {
    const lesions = draws.filter((p) => p.kind === 'lesion');
    const fromTiny = lesions.filter((p) => p.index === tiny).length / lesions.length;
    expect(fromTiny).toBeGreaterThan(0.46);
    expect(fromTiny).toBeLessThan(0.54);
    expect(lesions.some((p) => p.index === healthy)).toBe(false);
  });

  test('drawn by lesion, each of all lesions is as likely, whatever its size and its patient', () => {
    const mixed = boxCase(
      'mixed',
      [40, 40, 10],
      [
        [1, 0, 40, 0, 40, 0, 10],
        [2, 5, 25, 5, 25, 1, 8],
        [2, 30, 31, 30, 31, 9, 10],
        // Joined over a corner: one lesion of three voxels.
        [2, 33, 34, 3, 4, 4, 5],
        [2, 34, 36, 4, 5, 5, 6],
      ],
    );
    expect(mixed.lesions!.count).toBe(3);
    expect([...mixed.lesions!.start]).toEqual([0, 2800, 2803, 2804]);
    const seen = Array.from({ length: 4000 }, (_, i) =>
      samplePatchPlace(
        [healthy, mixed, tiny],
        {
          ...plan.training,
          patchSize: [1, 1],
          sampling: { lesion: 1, liver: 0, anywhere: 0 },
          lesionDraw: 'lesion',
        },
        createRandom(3, i),
      ),
    );
    for (const { index, slice, centre } of seen) {
      expect(index.prepared.labels(slice)[centre[1] * 40 + centre[0]]).toBe(2);
    }
    const shares = [
      seen.filter((p) => p.index === tiny),
      seen.filter((p) => p.index === mixed && p.centre[0] < 25),
      seen.filter((p) => p.index === mixed && p.centre[0] === 30),
      seen.filter((p) => p.index === mixed && p.centre[0] > 32),
    ].map((places) => places.length / seen.length);
    for (const share of shares) expect(Math.abs(share - 0.25)).toBeLessThan(0.03);

    // A lesion of one voxel at (20, 20) lies anywhere in the middle half of a patch of 16.
    const dot = boxCase('dot', [40, 40, 1], [[2, 20, 21, 20, 21, 0, 1]]);
    const spots = Array.from({ length: 3000 }, (_, i) => {
      const sampling = { lesion: 1, liver: 0, anywhere: 0 };
      const wishes = { ...plan.training, sampling, lesionDraw: 'lesion' as const };
      const { centre } = samplePatchPlace([dot], wishes, createRandom(4, i));
      return [20 - (centre[0] - 7.5), 20 - (centre[1] - 7.5)];
    });
    for (const axis of [0, 1]) {
      const seenAt = spots.map((spot) => spot[axis]!);
      expect([Math.min(...seenAt), Math.max(...seenAt)]).toEqual([4, 12]);
      expect(Math.abs(seenAt.reduce((a, b) => a + b) / seenAt.length - 8)).toBeLessThan(0.2);
    }
  });

  test('lesion patches hold lesion, and every patch lies in the slice', () => {
    for (const { index, slice, centre, kind } of draws) {
      const x0 = centre[0] - 7.5;
      const y0 = centre[1] - 7.5;
      expect(Number.isInteger(x0) && x0 >= 0 && x0 <= 24).toBe(true);
      expect(Number.isInteger(y0) && y0 >= 0 && y0 <= 24).toBe(true);
      if (kind === 'anywhere') continue;
      const labels = index.prepared.labels(slice);
      let found = false;
      for (let y = y0; y < y0 + 16; y++)
        for (let x = x0; x < x0 + 16; x++) found ||= labels[y * 40 + x] === (kind === 'lesion' ? 2 : 1);
      expect(found).toBe(true);
    }
  });

  test.each(['voxel', 'lesion'] as const)('without lesions, liver takes their turn (by %s)', (lesionDraw) => {
    const kinds = Array.from(
      { length: 300 },
      (_, i) => samplePatchPlace([healthy], { ...plan.training, lesionDraw }, createRandom(2, i)).kind,
    );
    expect(new Set(kinds)).toEqual(new Set(['liver', 'anywhere']));
  });
});

describe('createBatch', () => {
  test('without augmentation a patch is a normalised crop with its neighbours as channels', () => {
    const { images, targets } = createBatch([large, tiny, healthy], plan, 3);
    const place = samplePatchPlace([large, tiny, healthy], plan.training, createRandom(5, 'train', 3, 2));
    const { prepared } = place.index;
    for (const [c, dk] of [-1, 0, 1].entries()) {
      const k = Math.min(Math.max(place.slice + dk, 0), 9);
      for (let y = 0; y < 16; y++) {
        for (let x = 0; x < 16; x++) {
          const i = (place.centre[1] - 7.5 + y) * 40 + place.centre[0] - 7.5 + x;
          const expected = (prepared.image(k)[i]! - 20) / 80;
          expect(images[((2 * 3 + c) * 16 + y) * 16 + x]).toBeCloseTo(expected, 5);
          if (dk === 0) expect(targets[(2 * 16 + y) * 16 + x]).toBe(prepared.labels(k)[i]);
        }
      }
    }
  });

  const wild = {
    ...plan,
    training: {
      ...plan.training,
      batchSize: 16,
      augmentation: {
        ...plan.training.augmentation,
        spatialProbability: 1,
        intensityProbability: 1,
        flipProbability: [0.5, 0.5] as [number, number],
        shiftHU: 500,
      },
    },
  };

  test('augmented patches are clipped to the window again', () => {
    const { images, targets } = createBatch([large, tiny, healthy], wild, 0);
    const low = images.reduce((a, b) => Math.min(a, b));
    const high = images.reduce((a, b) => Math.max(a, b));
    expect(low).toBeCloseTo((-160 - 20) / 80, 5);
    expect(high).toBeCloseTo((240 - 20) / 80, 5);
    expect(targets.every((value) => value <= 2)).toBe(true);
  });

  test('a batch depends on seed and step only', () => {
    const first = createBatch([large, tiny, healthy], wild, 7);
    createBatch([large, tiny, healthy], wild, 8);
    expect(createBatch([large, tiny, healthy], wild, 7)).toEqual(first);
    expect(createBatch([large, tiny, healthy], wild, 8).images).not.toEqual(first.images);
    const other = { ...wild, training: { ...wild.training, seed: 6 } };
    expect(createBatch([large, tiny, healthy], other, 7).images).not.toEqual(first.images);
  });
});

describe('augmentIntensity', () => {
  const settings = {
    ...plan.training.augmentation,
    intensityProbability: 1,
    shiftHU: 0,
    contrast: [1, 1] as [number, number],
    noiseHU: 0,
  };

  test('blur keeps the mean of what lies inside and constant images as they are', () => {
    const image = new Float32Array(81);
    image[40] = 100;
    blurImage(image, [9, 9], 1);
    expect(image.reduce((a, b) => a + b)).toBeCloseTo(100, 3);
    expect(image[40]).toBeGreaterThan(image[41]!);
    expect(image[41]).toBeCloseTo(image[49]!, 5);
    const flat = new Float32Array(15).fill(37);
    blurImage(flat, [5, 3], 0.7);
    for (const value of flat) expect(value).toBeCloseTo(37, 4);
  });

  test('noise has the drawn strength at most', () => {
    const hu = new Float32Array(64 * 64);
    augmentIntensity(hu, 1, [64, 64], { ...settings, noiseHU: 25 }, 0, createRandom(3));
    const sd = Math.sqrt(hu.reduce((a, b) => a + b * b, 0) / hu.length);
    expect(sd).toBeGreaterThan(0);
    expect(sd).toBeLessThan(26.5);
  });

  test('chance 0 changes nothing', () => {
    const hu = Float32Array.from({ length: 256 }, (_, i) => i);
    augmentIntensity(
      hu,
      1,
      [16, 16],
      { ...settings, intensityProbability: 0, shiftHU: 50, noiseHU: 50 },
      0,
      createRandom(4),
    );
    expect([...hu]).toEqual(Array.from({ length: 256 }, (_, i) => i));
  });
});

test('a batch is described by the slices that it was cut from', () => {
  const read: string[] = [];
  const watched = [large, tiny, healthy].map((index) => ({
    ...index,
    prepared: {
      ...index.prepared,
      labels: (k: number) => {
        read.push(`${index.prepared.id} slice ${k + 1} of 10`);
        return index.prepared.labels(k);
      },
    },
  }));
  const withoutRepeats = (names: readonly string[]) => names.filter((name, i) => name !== names[i - 1]);
  for (const step of [0, 1, 7]) {
    read.length = 0;
    createBatch(watched, plan, step);
    const found = [...read];
    expect(withoutRepeats(describeBatch(watched, plan, step))).toEqual(withoutRepeats(found));
    expect(describeBatch(watched, plan, step)).toHaveLength(plan.training.batchSize);
  }
});
