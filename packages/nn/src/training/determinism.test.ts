import { afterEach, describe, expect, test } from 'vitest';
import type { OptimiserOptions } from '../optimisers/optimiser-of.ts';
import { relativeError, testRandom } from '../testing/numbers.ts';
import { tinyClassifier } from '../testing/tiny-networks.ts';
import { bytesOf, runTiny, tinyTrainer } from '../testing/tiny-trainer.ts';
import { parseState } from './state-file.ts';
import type { Trainer, TrainerOptions } from './trainer.ts';

const open: Trainer[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

/** Everything at once: norms, dropout, clipping, decay, a moving average. */
async function trainer(more: Partial<TrainerOptions> = {}): Promise<Trainer> {
  const created = await tinyTrainer({
    network: tinyClassifier({ dropout: 0.2 }),
    clipNorm: 1,
    seed: 5,
    ...more,
  });
  open.push(created);
  return created;
}

test('the same seed, machine and threads give the same bits after 100 steps', async () => {
  const [first, second] = [await trainer(), await trainer()];
  await Promise.all([runTiny(first, 0, 100), runTiny(second, 0, 100)]);
  expect(Buffer.compare(await bytesOf(first), await bytesOf(second))).toBe(0);
});

test('two threads give the numbers of one, up to rounding', async () => {
  const [one, two] = [await trainer({ threads: 1 }), await trainer({ threads: 2 })];
  for (const each of [one, two]) await runTiny(each, 0, 20, 1e-3);
  const [a, b] = [await one.weights({ averaged: false }), await two.weights({ averaged: false })];
  const flat = (weights: typeof a) => Object.values(weights).flatMap(({ values }) => [...values]);
  expect(relativeError(flat(b), flat(a))).toBeLessThan(1e-4);
  // Whether they are the same bits is told, not promised.
  const equal = Buffer.compare(await bytesOf(one), await bytesOf(two)) === 0;
  console.info(`one thread and two after 20 steps: ${equal ? 'the same bits' : 'other bits'}`);
});

describe.each<OptimiserOptions>([
  { name: 'sgd' },
  { name: 'sgd', momentum: 0.9, nesterov: true, weightDecay: 1e-3 },
  { name: 'adam', weightDecay: 1e-3 },
  { name: 'adamw', weightDecay: 1e-2 },
])('$name', (optimiser) => {
  test('saved, restored and continued equals unbroken', async () => {
    const unbroken = await trainer({ optimiser });
    await runTiny(unbroken, 0, 8);
    const first = await trainer({ optimiser });
    await runTiny(first, 0, 5);
    const second = await trainer({ optimiser, random: testRandom(9) });
    await second.restore(parseState(await bytesOf(first)));
    await runTiny(second, 5, 8);
    expect(Buffer.compare(await bytesOf(second), await bytesOf(unbroken))).toBe(0);
  });
});

test('the state of another optimiser is refused, with what is missing and what is not wanted', async () => {
  const [adam, sgd] = [await trainer(), await trainer({ optimiser: { name: 'sgd', momentum: 0.9 } })];
  await expect(sgd.restore(await adam.snapshot())).rejects.toMatchObject({
    code: 'state-mismatch',
    message: expect.stringMatching(/momentum\/conv1\.weight is missing.* and \d+ more/),
  });
  const plain = await trainer({ optimiser: { name: 'sgd' } });
  await expect(plain.restore(await sgd.snapshot())).rejects.toMatchObject({
    code: 'state-mismatch',
    message: expect.stringMatching(/momentum\/conv1\.weight is not wanted/),
  });
});
