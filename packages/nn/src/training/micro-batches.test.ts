import { afterEach, expect, test } from 'vitest';
import { classifiedBatch } from '../testing/classified-batches.ts';
import { relativeError, testRandom } from '../testing/numbers.ts';
import { tinyClassifier } from '../testing/tiny-networks.ts';
import { bytesOf, runTiny, tinyImageShape, tinyTrainer } from '../testing/tiny-trainer.ts';
import { parseState, serialiseState } from './state-file.ts';
import type { Trainer, TrainerOptions } from './trainer.ts';

const open: Trainer[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

async function trainer(more: Partial<TrainerOptions> = {}): Promise<Trainer> {
  const created = await tinyTrainer(more);
  open.push(created);
  return created;
}

function flat(weights: Awaited<ReturnType<Trainer['weights']>>): number[] {
  return Object.values(weights).flatMap(({ values }) => [...values]);
}

test('micro-batches make the step of the whole batch, where no norm looks at the batch', async () => {
  const more = {
    network: tinyClassifier({ batchNorm: false }),
    optimiser: { name: 'sgd', momentum: 0.9 },
    clipNorm: 0.5,
  } as const;
  const [n, ...rest] = tinyImageShape;
  const whole = await trainer({ ...more, imageShape: [3 * n, ...rest] });
  const parts = await trainer({ ...more, microBatches: 3 });
  for (let step = 0; step < 4; step++) {
    const batches = [0, 1, 2].map((part) => classifiedBatch(10 * step + part, tinyImageShape));
    const images = Float32Array.from(batches.flatMap((batch) => [...batch.images]));
    const targets = Uint8Array.from(batches.flatMap((batch) => [...batch.targets]));
    const report = await whole.step({ images, targets, learningRate: 0.1 });
    expect(report.updated).toBe(true);
    const reports = [];
    for (const batch of batches) reports.push(await parts.step({ ...batch, learningRate: 0.1 }));
    expect(reports.map(({ updated }) => updated)).toEqual([false, false, true]);
    expect(reports.reduce((sum, { loss }) => sum + loss / 3, 0)).toBeCloseTo(report.loss, 5);
    expect(reports[2]!.gradientNorm / report.gradientNorm).toBeCloseTo(1, 5);
    expect([whole.steps, parts.steps]).toEqual([step + 1, step + 1]);
  }
  for (const averaged of [false, true]) {
    const [a, b] = [await whole.weights({ averaged }), await parts.weights({ averaged })];
    expect(relativeError(flat(b), flat(a))).toBeLessThan(2e-6);
  }
});

test('until the last micro-batch only sums and running statistics move', async () => {
  const trained = await trainer({ microBatches: 2 });
  await runTiny(trained, 0, 2);
  const before = await trained.snapshot();
  await runTiny(trained, 2, 3);
  const midway = await trained.snapshot();
  expect([before.step, before.microBatch, midway.step, midway.microBatch]).toEqual([1, 0, 1, 1]);
  for (const [key, { values }] of Object.entries(midway.arrays)) {
    const former = before.arrays[key]?.values;
    if (key.startsWith('gradientSum/')) expect(former, key).toBeUndefined();
    else if (key.startsWith('statistics/')) expect(values, key).not.toEqual(former);
    else expect(values, key).toEqual(former);
  }
});

test('saved between two micro-batches, restored and continued equals unbroken', async () => {
  const unbroken = await trainer({ microBatches: 3 });
  await runTiny(unbroken, 0, 9);
  const first = await trainer({ microBatches: 3 });
  await runTiny(first, 0, 5);
  const state = parseState(serialiseState(await first.snapshot()));
  const second = await trainer({ microBatches: 3, random: testRandom(7) });
  await second.restore(state);
  await runTiny(second, 5, 9);
  expect(second.steps).toBe(3);
  expect(Buffer.compare(await bytesOf(second), await bytesOf(unbroken))).toBe(0);

  const other = await trainer({ microBatches: 2 });
  await expect(other.restore(state)).rejects.toMatchObject({
    code: 'state-mismatch',
    message: expect.stringContaining('2 micro-batches are done of a step that has 2'),
  });
  await expect(second.restore({ ...state, frozen: ['fc.bias'] })).rejects.toMatchObject({
    code: 'state-mismatch',
  });
});

test('groups change between steps only', async () => {
  const trained = await trainer({ microBatches: 2 });
  await runTiny(trained, 0, 1);
  const frozen = [{ names: ['conv1'], frozen: true }];
  await expect(trained.regroup(frozen)).rejects.toThrow(/between steps only.* 1 of 2/);
  // Other rates are no matter of what is summed.
  await trained.regroup([{ names: ['conv1'], learningRate: 0.5 }]);
  await runTiny(trained, 1, 2);
  await trained.regroup(frozen);
  expect(trained.steps).toBe(1);
});

test('a micro-batch that is not finite is left out, and named', async () => {
  const trained = await trainer({ microBatches: 2 });
  await runTiny(trained, 0, 3);
  const before = await bytesOf(trained);
  const { images, targets } = classifiedBatch(3, tinyImageShape);
  images.fill(3e38);
  await expect(trained.step({ images, targets, learningRate: 1e-2 })).rejects.toMatchObject({
    code: 'not-finite',
    message: expect.stringMatching(/^step 2, batch 2 of 2: found the loss .*were left as they were/),
  });
  expect(Buffer.compare(await bytesOf(trained), before)).toBe(0);
  const unharmed = await trainer({ microBatches: 2 });
  await runTiny(unharmed, 0, 4);
  await runTiny(trained, 3, 4);
  expect(Buffer.compare(await bytesOf(trained), await bytesOf(unharmed))).toBe(0);
});
