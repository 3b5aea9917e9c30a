import { createRandom } from '@glisson/imaging/random/seeded-random';
import { declarationsOf } from '@glisson/nn/training/declarations';
import { initialWeights } from '@glisson/nn/training/initialise';
import { describe, expect, test } from 'vitest';
import { patchNetwork } from '../../patches/patch-network.ts';
import { windowGrid } from '../../patches/window-grid.ts';
import type { PatchInference, PatchNetwork } from '../../plan/patch-plan.ts';
import { openWindowScorer, scorerMode } from './open-scorer.ts';
import { spreadScores } from './spread-scores.ts';

const network: PatchNetwork = {
  family: 'patch-cnn',
  inputChannels: 1,
  classes: 2,
  padding: 'valid',
  head: 'pooled',
  baseChannels: 4,
  dropout: 0.5,
};
const patchSize = 61;

/** Weights whose logits differ from window to window. */
function weights() {
  const random = createRandom('scorers');
  const built = patchNetwork(network);
  const drawn = initialWeights(built, declarationsOf(built), { random });
  const head = drawn['head.weight']!;
  return { ...drawn, 'head.weight': { ...head, values: head.values.map((value) => 10 * value) } };
}

function planWith(outputStride: number, more: Partial<PatchInference> = {}) {
  const inference: PatchInference = {
    outputStride,
    mode: 'dense',
    whenNotDense: 'error',
    interpolation: 'linear',
    mask: 'none',
    batchSize: 5,
    memoryMB: 100,
    ...more,
  };
  return { network, training: { patchSize }, inference } as Parameters<typeof openWindowScorer>[0];
}

/** A slice, every window of which is wanted but for a corner. */
function task(width: number, height: number, stride: number) {
  const random = createRandom('slice', width);
  const data = Float32Array.from({ length: width * height }, () => random.normal());
  const grid = windowGrid({ width, height }, patchSize, stride, 30);
  const wanted = new Uint8Array(grid.rows * grid.columns).fill(1);
  wanted[0] = 0;
  return { image: { data, width, height, padding: -2 }, grid, wanted };
}

async function scores(plan: ReturnType<typeof planWith>, { image, grid, wanted }: ReturnType<typeof task>) {
  const scorer = await openWindowScorer(plan, weights(), { threads: 1 });
  try {
    return { mode: scorer.mode, values: await scorer.score(image, grid, wanted) };
  } finally {
    await scorer.close();
  }
}

const logit = (p: number) => Math.log(p / (1 - p));

describe('three ways to judge windows', () => {
  test.each([
    [23, 18, 4],
    [22, 15, 7],
    [17, 16, 8],
    [9, 12, 2],
    [6, 5, 1],
    [20, 13, 6],
  ])('give the same scores, borders included: slice %i x %i at stride %i', async (width, height, stride) => {
    const windows = task(width, height, stride);
    const reference = await scores(planWith(stride, { mode: 'patches' }), windows);
    expect(reference.mode).toBe('patches');
    const logits = [...reference.values.subarray(1)].map(logit);
    expect(Math.max(...logits) - Math.min(...logits)).toBeGreaterThan(0.2);
    const most = Math.max(1, ...logits.map(Math.abs));
    for (const plan of [
      planWith(stride, { mode: 'batched' }),
      planWith(stride),
      planWith(stride, { memoryMB: 0.1 }),
    ]) {
      const found = await scores(plan, windows);
      expect(found.mode).toBe(plan.inference.mode);
      expect(found.values[0]).toBe(0);
      const errors = logits.map((value, i) => Math.abs(logit(found.values[i + 1]!) - value));
      expect(Math.max(...errors)).toBeLessThan(1e-4 * most);
    }
  });

  test('stride 7 gives every seventh of the windows of stride 1', async () => {
    const coarse = await scores(planWith(7), task(22, 15, 7));
    const fine = await scores(planWith(1), task(22, 15, 1));
    for (let j = 0; j < 3; j++) {
      for (let i = 0; i < 4; i++) {
        if (i + j === 0) continue;
        expect(coarse.values[j * 4 + i]).toBeCloseTo(fine.values[7 * j * 22 + 7 * i]!, 5);
      }
    }
  });

  test('a network that pads: tiles give what one pass gives, seams included', async () => {
    const padded: PatchNetwork = {
      ...network,
      family: 'resnet18',
      padding: 'same',
      baseChannels: null,
      dropout: 0,
      stages: 1,
    };
    const built = patchNetwork(padded);
    const drawn = initialWeights(built, declarationsOf(built), { random: createRandom('padded') });
    const side = 33;
    const windows = { ...task(90, 60, 4), grid: windowGrid({ width: 90, height: 60 }, side, 4, 16) };
    const judge = async (memoryMB: number) => {
      const plan = { ...planWith(4, { memoryMB }), network: padded, training: { patchSize: side } as never };
      const scorer = await openWindowScorer(plan, drawn, { threads: 1 });
      try {
        return await scorer.score(windows.image, windows.grid, windows.wanted);
      } finally {
        await scorer.close();
      }
    };
    const whole = await judge(1000);
    const tiled = await judge(1);
    expect(Math.max(...whole) - Math.min(...whole.subarray(1))).toBeGreaterThan(0.01);
    for (const [w, p] of whole.entries()) expect(Math.abs(tiled[w]! - p)).toBeLessThan(1e-5);
  });

  test('a patch that is too small for the network has no dense form: an error, or batches when asked', () => {
    const plan = { ...planWith(4), training: { patchSize: 31 } as never };
    expect(() => scorerMode(plan)).toThrowError(/whenNotDense=batched/);
    expect(scorerMode({ ...plan, inference: { ...plan.inference, whenNotDense: 'batched' } })).toBe(
      'batched',
    );
  });
});

describe('spreadScores', () => {
  const grid = { stride: 3, columns: 3, rows: 2 };
  const found = (interpolation: 'nearest' | 'linear') =>
    spreadScores(Float32Array.of(0, 3, 6, 30, 33, 36), grid, { width: 8, height: 5 }, interpolation);

  test('nearest: the score of the nearest centre, the last one beyond it', () => {
    const image = found('nearest');
    expect([...image.subarray(0, 8)]).toEqual([0, 0, 3, 3, 3, 6, 6, 6]);
    expect([0, 1, 2, 3, 4].map((y) => image[y * 8])).toEqual([0, 0, 30, 30, 30]);
  });

  test('linear: between centres, level beyond the last', () => {
    const image = found('linear');
    [0, 1, 2, 3, 4, 5, 6, 6].forEach((value, x) => {
      expect(image[x]).toBeCloseTo(value, 5);
    });
    expect(image[8 + 1]).toBeCloseTo(11, 5);
    expect(image[4 * 8 + 7]).toBeCloseTo(36, 5);
  });
});
