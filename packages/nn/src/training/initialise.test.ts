import { expect, test } from 'vitest';
import { testRandom } from '../testing/numbers.ts';
import { tinyClassifier } from '../testing/tiny-networks.ts';
import { tinyImageShape } from '../testing/tiny-trainer.ts';
import { declarationsOf } from './declarations.ts';
import { type InitialOptions, initialWeights } from './initialise.ts';

const network = tinyClassifier();
const declarations = declarationsOf(network, tinyImageShape);

function weights(more: Partial<InitialOptions> = {}) {
  return initialWeights(network, declarations, { random: testRandom(1), ...more });
}

test('what decays is drawn by fan-in, in order; the rest and the statistics are constant', () => {
  const found = weights();
  const random = testRandom(1);
  const drawn = (name: string, count: number, sd: number) => {
    expect(found[name]!.values).toEqual(Float32Array.from({ length: count }, () => sd * random.normal()));
  };
  drawn('conv1.weight', 8 * 2 * 9, Math.sqrt(2 / 18));
  drawn('conv2.weight', 8 * 4 * 9, Math.sqrt(2 / 36));
  drawn('fc.weight', 3 * 48, Math.sqrt(1 / 48));
  for (const name of ['conv2.bias', 'bn1.bias', 'bn2.running_mean']) {
    expect([...found[name]!.values]).toEqual(new Array(8).fill(0));
  }
  for (const name of ['bn1.weight', 'bn2.running_var']) {
    expect([...found[name]!.values]).toEqual(new Array(8).fill(1));
  }
});

test('known weights win, also over class priors, and the others are drawn as without them', () => {
  const bias = { shape: [3], values: Float32Array.of(1, 2, 3) };
  const mean = { shape: [8], values: new Float32Array(8).fill(4) };
  const kernel = { shape: [8, 2, 3, 3], values: new Float32Array(144).fill(5) };
  const initial = { 'conv1.weight': kernel, 'fc.bias': bias, 'bn1.running_mean': mean };
  const found = weights({ initial, classPriors: [0.5, 0.25, 0.25] });
  expect(found).toEqual({ ...weights(), ...initial });
  expect(found['fc.bias']!.values).not.toBe(bias.values);
  const prior = weights({ classPriors: [0.5, 0.25, 0.25] })['fc.bias']!.values;
  expect(prior).toEqual(Float32Array.of(Math.log(0.5), Math.log(0.25), Math.log(0.25)));
});

test.each([
  [{ 'fc.bias': { shape: [4], values: new Float32Array(4) } }, /'fc\.bias' is \[4\] .* expects \[3\]/],
  [{ 'fc.bias': { shape: [3], values: new Float32Array(4) } }, /'fc\.bias' is \[3\] with 4 numbers/],
  [{ 'fc.bios': { shape: [3], values: new Float32Array(3) } }, /'fc\.bios' .* has no such array/],
])('known weights that do not fit are refused', (initial, message) => {
  expect(() => weights({ initial })).toThrow(
    expect.objectContaining({ code: 'state-mismatch', message: expect.stringMatching(message) }),
  );
});
