import { afterEach, describe, expect, test } from 'vitest';
import { sizeOf } from '../graph/shape.ts';
import { topologicalOrder } from '../graph/tensor.ts';
import { unet2d } from '../models/unet-2d.ts';
import { optimiserOf } from '../optimisers/optimiser-of.ts';
import { classifiedBatch } from '../testing/classified-batches.ts';
import { testRandom } from '../testing/numbers.ts';
import { tinyClassifier } from '../testing/tiny-networks.ts';
import { bytesOf, runTiny, tinyImageShape, tinyTrainer } from '../testing/tiny-trainer.ts';
import { declarationsOf } from './declarations.ts';
import { evaluateNetwork } from './evaluate-network.ts';
import type { ParameterGroup } from './groups.ts';
import { initialWeights, untrainedState } from './initialise.ts';
import { segmentation } from './segmentation.ts';
import { prepareSession } from './session.ts';
import { parseState, serialiseState } from './state-file.ts';
import type { Trainer, TrainerOptions } from './trainer.ts';
import type { TrainerState } from './trainer-state.ts';

const open: Trainer[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

async function trainer(more: Partial<TrainerOptions> = {}): Promise<Trainer> {
  const created = await tinyTrainer(more);
  open.push(created);
  return created;
}

const firstFrozen: ParameterGroup[] = [{ names: ['conv1', 'bn1'], frozen: true }];

/** The bits of one array. */
function bits({ arrays }: TrainerState, key: string): number[] {
  const { buffer, byteOffset, length } = arrays[key]!.values;
  return [...new Uint32Array(buffer, byteOffset, length)];
}

describe('the training graph of a U-Net', () => {
  const network = unet2d({
    inputChannels: 1,
    classes: 2,
    baseChannels: 4,
    maxChannels: 16,
    levels: 3,
    convolutionsPerLevel: 2,
  });
  const imageShape = [1, 1, 16, 16];

  function operators(groups: readonly ParameterGroup[]) {
    const declarations = declarationsOf(network, imageShape);
    const weights = initialWeights(network, declarations, { random: testRandom(1) });
    const setup = {
      network,
      declarations,
      imageShape,
      loss: segmentation({ crossEntropyWeight: 1, diceWeight: 1, classWeights: [1, 1] }),
      optimiser: optimiserOf({ name: 'adamw' }),
      averageDecay: 0.9,
      microBatches: 1,
    };
    const state = untrainedState(network, declarations, weights);
    const { graph } = prepareSession(setup, groups, state);
    const names = topologicalOrder(Object.values(graph.outputs)).map(({ operator }) => operator.name);
    const count = (name: string) => names.filter((each) => each === name).length;
    const inputs = graph.gradients.reduce((sum, { dims }) => sum + sizeOf(dims), 0);
    return { count, all: names.length, inputs };
  }

  test('holds nothing backward of what lies before the first trained layer', () => {
    const forward = operators([{ names: ['head'] }]);
    const decoder = operators([{ names: ['encoder0', 'encoder1', 'encoder2'], frozen: true }]);
    const head = operators([
      { names: ['encoder0', 'encoder1', 'encoder2', 'up0', 'up1', 'decoder0', 'decoder1'], frozen: true },
    ]);
    // Ten 3 x 3 convolutions and the head; the encoder has six of them.
    expect(forward.count('convolutionWeightGradient')).toBe(11);
    expect(decoder.count('convolutionWeightGradient')).toBe(5);
    expect(head.count('convolutionWeightGradient')).toBe(1);
    // Pooling is before what is trained, ReLU before the head, too.
    expect(forward.count('maxPoolGradient')).toBe(2);
    expect(decoder.count('maxPoolGradient')).toBe(0);
    expect(head.count('convolution')).toBe(11);
    expect(head.inputs).toBe(4 * 2 + 2);
    expect(head.all).toBeLessThan(decoder.all / 2);
    expect(decoder.all).toBeLessThan(0.7 * forward.all);
  });
});

test('a network of which all but the head is frozen sees its images as in evaluation', async () => {
  const network = tinyClassifier();
  const trained = await trainer();
  await runTiny(trained, 0, 5);
  const weights = await trained.weights({ averaged: false });
  const tuned = await trainer({
    initial: weights,
    groups: [{ names: ['fc'] }, { names: ['conv1', 'conv2', 'bn1', 'bn2'], frozen: true }],
  });
  expect(tuned.trainedCount).toBe(3 * 8 * 2 * 3 + 3);
  expect(tuned.parameterCount).toBe(trained.parameterCount);
  const { images, targets } = classifiedBatch(9, tinyImageShape);
  const exact = evaluateNetwork(network, weights, images, tinyImageShape);
  const losses = [...targets].map((target, i) => -Math.log(exact[3 * i + target]!));
  const { loss } = await tuned.step({ images, targets, learningRate: 1e-2 });
  expect(loss).toBeCloseTo(losses.reduce((a, b) => a + b) / 4, 5);
});

test('what is frozen keeps its bits, its statistics too; the rest moves', async () => {
  const trained = await trainer({ groups: firstFrozen });
  const before = await trained.snapshot();
  await runTiny(trained, 0, 3);
  const after = await trained.snapshot();
  expect(after.frozen).toEqual(['conv1.weight', 'bn1.weight', 'bn1.bias']);
  const kept = ['parameters/conv1.weight', 'parameters/bn1.weight', 'parameters/bn1.bias'];
  kept.push('statistics/bn1.running_mean', 'statistics/bn1.running_var');
  for (const key of Object.keys(before.arrays)) {
    if (kept.includes(key)) expect(bits(after, key), key).toEqual(bits(before, key));
    else expect(bits(after, key), key).not.toEqual(bits(before, key));
  }
  expect(
    Object.keys(after.arrays)
      .filter((key) => /conv1|bn1/.test(key))
      .sort(),
  ).toEqual(kept.sort());
});

describe('regrouping', () => {
  test('to the same groups changes nothing', async () => {
    const [unbroken, regrouped] = [await trainer(), await trainer()];
    await runTiny(unbroken, 0, 6);
    await runTiny(regrouped, 0, 3);
    await regrouped.regroup([]);
    await runTiny(regrouped, 3, 6);
    expect(Buffer.compare(await bytesOf(unbroken), await bytesOf(regrouped))).toBe(0);
  });

  test('carries all numbers over; what is unfrozen starts with moments of its own age', async () => {
    const trained = await trainer({ groups: firstFrozen });
    await runTiny(trained, 0, 4);
    const before = await trained.snapshot();
    await trained.regroup([]);
    const after = await trained.snapshot();
    expect(after.step).toBe(4);
    expect(after.frozen).toEqual([]);
    expect(after.since).toEqual({ 'conv1.weight': 4, 'bn1.weight': 4, 'bn1.bias': 4 });
    for (const key of Object.keys(before.arrays)) expect(bits(after, key), key).toEqual(bits(before, key));
    for (const name of Object.keys(after.since)) {
      expect(after.arrays[`firstMoment/${name}`]!.values.every((value) => value === 0)).toBe(true);
      expect(bits(after, `averageParameters/${name}`)).toEqual(bits(before, `parameters/${name}`));
    }
    // The first step of Adam has the length of the learning rate, whatever the gradient; later ones have not.
    await runTiny(trained, 4, 5, 1e-3);
    const next = await trained.snapshot();
    const moved = (name: string) =>
      next.arrays[`parameters/${name}`]!.values.map(
        (value, i) => Math.abs(value - after.arrays[`parameters/${name}`]!.values[i]!) / 1e-3,
      );
    for (const length of moved('bn1.weight')) expect(length).toBeCloseTo(1, 3);
    expect(moved('bn2.weight').every((length) => Math.abs(length - 1) > 1e-3)).toBe(true);
  });

  test('and going on equals restoring into a trainer that has the new groups', async () => {
    const trained = await trainer({ groups: firstFrozen });
    await runTiny(trained, 0, 3);
    const saved = parseState(serialiseState(await trained.snapshot()));
    await trained.regroup([{ names: ['fc'], learningRate: 0.1 }]);
    await runTiny(trained, 3, 5);
    const midway = parseState(serialiseState(await trained.snapshot()));
    await runTiny(trained, 5, 7);

    const second = await trainer({ groups: [{ names: ['fc'], learningRate: 0.1 }], random: testRandom(3) });
    await second.restore(saved);
    await runTiny(second, 3, 7);
    const third = await trainer({ groups: [{ names: ['fc'], learningRate: 0.1 }], random: testRandom(4) });
    await third.restore(midway);
    await runTiny(third, 5, 7);
    for (const other of [second, third]) {
      expect(Buffer.compare(await bytesOf(other), await bytesOf(trained))).toBe(0);
    }
  });

  test('to frozen leaves the value only', async () => {
    const trained = await trainer();
    await runTiny(trained, 0, 3);
    const before = await trained.snapshot();
    await trained.regroup(firstFrozen);
    const after = await trained.snapshot();
    expect(
      Object.keys(before.arrays)
        .filter((key) => !(key in after.arrays))
        .sort(),
    ).toEqual(
      [
        ...['firstMoment', 'secondMoment', 'averageParameters'].flatMap((kind) =>
          ['conv1.weight', 'bn1.weight', 'bn1.bias'].map((name) => `${kind}/${name}`),
        ),
        'averageStatistics/bn1.running_mean',
        'averageStatistics/bn1.running_var',
      ].sort(),
    );
    for (const key of Object.keys(after.arrays)) expect(bits(after, key), key).toEqual(bits(before, key));
    const averaged = await trained.weights({ averaged: true });
    expect(averaged['conv1.weight']!.values).toEqual(before.arrays['parameters/conv1.weight']!.values);
  });

  test('refuses what makes no sense, and the trainer goes on', async () => {
    const trained = await trainer();
    await runTiny(trained, 0, 1);
    const all = ['conv1', 'bn1', 'conv2', 'bn2', 'fc'];
    await expect(trained.regroup([{ names: all, frozen: true }])).rejects.toThrow(/freeze every parameter/);
    await expect(trained.regroup([{ names: ['conv3'], frozen: true }])).rejects.toThrow(/'conv3'/);
    await runTiny(trained, 1, 2);
    expect(trained.steps).toBe(2);
  });

  test('a trainer closed in the middle of it says so', async () => {
    const trained = await trainer();
    const pending = trained.regroup(firstFrozen);
    await trained.close();
    await expect(pending).rejects.toMatchObject({ code: 'closed' });
    await expect(runTiny(trained, 0, 1)).rejects.toMatchObject({ code: 'closed' });
  });
});
