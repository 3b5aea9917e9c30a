import { afterEach, describe, expect, test } from 'vitest';
import { classifiedBatch } from '../testing/classified-batches.ts';
import { tinyClassifier } from '../testing/tiny-networks.ts';
import { bytesOf, runTiny, tinyImageShape, tinyTrainer } from '../testing/tiny-trainer.ts';
import { dropoutMask, type MaskKey } from './dropout-masks.ts';
import type { Trainer, TrainerOptions } from './trainer.ts';

const key: MaskKey = { seed: 1, step: 1, microBatch: 0 };
const count = 1 << 18;

/** Which elements are kept. */
function kept(change: Partial<MaskKey>, layer = 0, rate = 0.5): Uint8Array {
  const mask = dropoutMask({ ...key, ...change }, layer, { name: 'm', shape: [4, count / 4], rate });
  expect(mask).toHaveLength(count);
  return Uint8Array.from(mask, (value) => (value === 0 ? 0 : 1));
}

function mean(bits: ArrayLike<number>): number {
  return (
    (Array.prototype.reduce.call(bits, (sum, bit) => (sum as number) + (bit as number), 0) as number) /
    bits.length
  );
}

/** Of a mean of `count` independent bits, in standard deviations: above five once in two million times. */
function deviations(found: number, expected: number): number {
  return Math.abs(found - expected) / Math.sqrt((expected * (1 - expected)) / count);
}

describe('a mask', () => {
  test.each([0.05, 0.3, 0.5, 0.9])('drops a share of %d and scales the rest', (rate) => {
    const mask = dropoutMask(key, 0, { name: 'm', shape: [count], rate });
    expect(new Set(mask)).toEqual(new Set([0, Math.fround(1 / (1 - rate))]));
    expect(deviations(mean(kept({}, 0, rate)), 1 - rate)).toBeLessThan(5);
  });

  test('is the same for the same key', () => {
    expect(kept({})).toEqual(kept({}));
  });

  test.each([
    ['another seed', kept({ seed: 2 })],
    ['a seed that differs beyond 32 bits', kept({ seed: 1 + 2 ** 32 })],
    ['the next step', kept({ step: 2 })],
    ['another micro-batch', kept({ microBatch: 1 })],
    ['another layer', kept({}, 1)],
    ['seed and step exchanged for layer and micro-batch', kept({ seed: 0, step: 0, microBatch: 1 }, 1)],
  ])('has nothing to do with that of %s', (_, other) => {
    const first = kept({});
    expect(deviations(mean(first.map((bit, i) => bit & other[i]!)), 0.25)).toBeLessThan(5);
    // Nor is it that one, moved.
    for (const shift of [1, 2, 3, 64]) {
      const both = first.subarray(shift).map((bit, i) => bit & other[i]!);
      expect(deviations(mean(both), 0.25)).toBeLessThan(5);
    }
  });

  test('has independent neighbours, and as many in every eighth', () => {
    const bits = kept({});
    for (const distance of [1, 2, 3, 4, 7, 8, 16, 64, 256, 65536]) {
      const both = bits.subarray(distance).map((bit, i) => bit & bits[i]!);
      expect(deviations(mean(both), 0.25), `distance ${distance}`).toBeLessThan(5);
    }
    for (let part = 0; part < 8; part++) {
      const share = mean(bits.subarray((part * count) / 8, ((part + 1) * count) / 8));
      expect(deviations(share, 0.5) / Math.sqrt(8)).toBeLessThan(5);
    }
  });
});

describe('dropout in training', () => {
  const open: Trainer[] = [];
  afterEach(async () => {
    for (const each of open.splice(0)) await each.close();
  });
  const network = tinyClassifier({ dropout: 0.4 });

  async function trainer(more: Partial<TrainerOptions> = {}): Promise<Trainer> {
    const created = await tinyTrainer({ network, seed: 3, ...more });
    open.push(created);
    return created;
  }

  test('has the masks of its seed, also after saving and restoring', async () => {
    const [unbroken, first, second, other] = [
      await trainer(),
      await trainer(),
      await trainer(),
      await trainer({ seed: 4 }),
    ];
    await runTiny(unbroken, 0, 6);
    await runTiny(other, 0, 6);
    await runTiny(first, 0, 3);
    await second.restore(await first.snapshot());
    await runTiny(second, 3, 6);
    expect(Buffer.compare(await bytesOf(second), await bytesOf(unbroken))).toBe(0);
    expect(Buffer.compare(await bytesOf(other), await bytesOf(unbroken))).not.toBe(0);
  });

  test('changes from step to step and batch to batch, and is off in exported models', async () => {
    const losses: number[] = [];
    const trained = await trainer({ microBatches: 2 });
    for (let i = 0; i < 4; i++) {
      // No step moves anything: only the masks differ.
      const { loss } = await trained.step({ ...classifiedBatch(1, tinyImageShape), learningRate: 0 });
      losses.push(loss);
    }
    expect(new Set(losses).size).toBe(4);
    const initial = await trained.weights({ averaged: false });
    const without = await trainer({ network: tinyClassifier(), initial });
    const models = await Promise.all([trained, without].map((each) => each.exportModel({ averaged: false })));
    expect(Buffer.compare(models[0]!, models[1]!)).toBe(0);
  });

  test.each([1, -0.1, Number.NaN])('a rate of %d is refused by name', (dropout) => {
    expect(() => tinyClassifier({ dropout })).toThrow(
      expect.objectContaining({
        code: 'value-invalid',
        message: expect.stringMatching(/^dropout: rate must be .*\[0, 1\)/),
      }),
    );
  });
});
