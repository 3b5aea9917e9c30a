import { describe, expect, test } from 'vitest';
import { createPredictor } from '../runtime/predictor.ts';
import { testRandom } from '../testing/numbers.ts';
import { classification } from '../training/classification.ts';
import { declarationsOf } from '../training/declarations.ts';
import { evaluateNetwork } from '../training/evaluate-network.ts';
import { exportModel } from '../training/export-model.ts';
import { initialWeights } from '../training/initialise.ts';
import { createTrainer, type TrainerOptions } from '../training/trainer.ts';
import type { Weights } from '../training/weights.ts';
import { densenet40 } from './cifar-densenet.ts';
import { denseNetOf, densenet } from './densenet.ts';
import type { Network } from './network.ts';
import { patchCnn } from './patch-cnn.ts';
import { resnet } from './resnet.ts';
import { frozenParts, splitNetwork } from './split-network.ts';
import { vgg } from './vgg.ts';

const classes = 2;
const small = patchCnn({ inputChannels: 1, classes, baseChannels: 2, dropout: 0 });
const networks: Network[] = [
  small,
  vgg({ depth: 11, classes }),
  vgg({ depth: 16, classes, head: 'pooled', batchNorm: true }),
  resnet({ depth: 18, classes }),
  resnet({ depth: 50, classes, stages: 3 }),
  densenet({ depth: 121, classes }),
  densenet40({ classes, form: 'fast' }),
  densenet40({ classes }),
];

describe.each(networks)('$name', (network) => {
  test('every parameter lies in one part, and the last part is the head', () => {
    const { parameters } = declarationsOf(network);
    const places = network.parts!.map((part) => part.places);
    for (const { name } of parameters) {
      const owners = places.filter((some) => some.some((place) => name.startsWith(`${place}.`)));
      expect(owners, name).toHaveLength(1);
    }
    const named = places
      .flat()
      .filter((place) => parameters.some(({ name }) => name.startsWith(`${place}.`)));
    expect(named).toEqual(places.flat());
    expect(parameters.some(({ name }) => name.startsWith(`${places.at(-1)![0]}.`))).toBe(true);
  });
});

/** Weights whose norms have statistics of their own. */
function weightsOf(network: Network, imageShape: readonly number[]): Weights {
  const random = testRandom(5);
  const weights = initialWeights(network, declarationsOf(network, imageShape), { random });
  for (const [name, { values }] of Object.entries(weights)) {
    if (name.endsWith('running_mean')) values.set(values.map(() => 0.2 * random.normal()));
    if (name.endsWith('running_var')) values.set(values.map(() => 0.5 + random.uniform()));
  }
  return weights;
}

function noise(length: number, seed: number): Float32Array {
  const random = testRandom(seed);
  return Float32Array.from({ length }, () => random.normal());
}

test.each([
  [small, 65, 1],
  [small, 65, 4],
  [resnet({ depth: 18, classes, stages: 2 }), 17, 2],
  [denseNetOf({ name: 'tiny', blocks: [2, 2], classes, inputChannels: 1, padding: 'same' }), 17, 1],
] as const)('the head of features is the whole: %o at %i px, cut after %i', (network, size, count) => {
  const shape = [2, network.inputChannels, size, size];
  const weights = weightsOf(network, shape);
  const image = noise(
    shape.reduce((a, b) => a * b),
    3,
  );
  const { trunk, head, featureShape } = splitNetwork(network, count, shape);
  const features = evaluateNetwork(trunk, weights, image, shape, 'none');
  const logits = evaluateNetwork(head, weights, Float32Array.from(features), featureShape, 'none');
  const whole = evaluateNetwork(network, weights, image, shape, 'none');
  for (const [i, value] of whole.entries()) expect(Math.abs(logits[i]! - value)).toBeLessThan(1e-5);
});

test('poolings join the trunk, so that a fully frozen one gives a number for each channel', () => {
  expect(splitNetwork(small, 4, [3, 1, 65, 65]).featureShape).toEqual([3, 16, 1, 1]);
  const published = vgg({ depth: 11, classes });
  expect(splitNetwork(published, 5, [2, 3, 64, 64]).featureShape).toEqual([2, 512, 7, 7]);
  expect(splitNetwork(published, 3, [2, 3, 64, 64]).featureShape).toEqual([2, 256, 16, 16]);
  for (const count of [0, 6, 1.5]) {
    expect(() => splitNetwork(small, count, [1, 1, 65, 65])).toThrow(/cannot be cut after/);
  }
  const frozen = (...names: string[]) => frozenParts(small, (place) => names.includes(place));
  expect(frozen()).toBe(0);
  expect(frozen('stage2')).toBe(0);
  expect(frozen('stage1', 'stage2')).toBe(2);
  expect(frozen('stage1', 'stage2', 'stage3', 'last')).toBe(5);
});

test.each([
  ['all but the head', 4],
  ['the first two stages', 2],
] as const)(
  'with %s frozen, training on features gives the weights of training on images',
  async (_, count) => {
    const batch = 4;
    const shape = [batch, 1, 65, 65];
    const weights = weightsOf(small, shape);
    const { trunk, head, featureShape } = splitNetwork(small, count, shape);
    const frozen = small.parts!.slice(0, count).flatMap(({ places }) => places);
    const common: Omit<TrainerOptions, 'network' | 'imageShape' | 'initial'> = {
      loss: classification(),
      optimiser: { name: 'adamw', weightDecay: 0.01 },
      weightAverageDecay: 0.8,
      random: testRandom(1),
      threads: 1,
    };
    const own = Object.fromEntries(
      [...declarationsOf(head, featureShape).parameters.map(({ name }) => name), ...statistics(head)].map(
        (name) => [name, weights[name]!],
      ),
    );
    const whole = await createTrainer({
      ...common,
      network: small,
      imageShape: shape,
      initial: weights,
      groups: [{ names: frozen, frozen: true }],
    });
    const part = await createTrainer({ ...common, network: head, imageShape: featureShape, initial: own });
    const model = exportModel({
      network: trunk,
      weights,
      imageShape: shape,
      size: [65, 65],
      activation: 'none',
    });
    const predictor = await createPredictor(model, { threads: 1 });
    for (let step = 0; step < 12; step++) {
      const images = noise(batch * 65 * 65, step);
      const targets = Uint8Array.from({ length: batch }, (_, n) => (n + step) % 2);
      const { data } = await predictor.run(images.slice(), shape);
      const a = await whole.step({ images, targets: targets.slice(), learningRate: 0.01 });
      const b = await part.step({ images: Float32Array.from(data), targets, learningRate: 0.01 });
      expect(b.loss).toBeCloseTo(a.loss, 4);
    }
    for (const averaged of [false, true]) {
      const expected = await whole.weights({ averaged });
      const found = await part.weights({ averaged });
      expect(Object.keys(found).length).toBeGreaterThan(1);
      for (const [name, { values }] of Object.entries(found)) {
        for (const [i, value] of values.entries())
          expect(Math.abs(value - expected[name]!.values[i]!)).toBeLessThan(1e-4);
      }
      for (const [name, { values }] of Object.entries(weights)) {
        if (!Object.hasOwn(found, name)) expect([...expected[name]!.values]).toEqual([...values]);
      }
    }
    await Promise.all([whole.close(), part.close(), predictor.close()]);

    function statistics(network: Network) {
      return declarationsOf(network, featureShape).norms.flatMap(({ name }) => [
        `${name}.running_mean`,
        `${name}.running_var`,
      ]);
    }
  },
);
