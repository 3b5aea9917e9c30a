import { afterAll, describe, expect, test } from 'vitest';
import { NetworkError } from '../errors/network-error.ts';
import { seededNormals } from '../random/seeded-normals.ts';
import { type Refusal, refuses, untyped } from '../testing/refusals.ts';
import { tinyClassifier } from '../testing/tiny-networks.ts';
import { tinyTrainer } from '../testing/tiny-trainer.ts';
import { classification } from './classification.ts';
import { declarationsOf } from './declarations.ts';
import { exportModel } from './export-model.ts';
import { initialWeights } from './initialise.ts';
import { ofClasses, ofLabels } from './loss.ts';
import { segmentation } from './segmentation.ts';
import { parseState, serialiseState } from './state-file.ts';
import { createTrainer, type TrainerOptions } from './trainer.ts';

/** Options as plain JavaScript may give them, over those of the tiny trainer. */
const create = (more: object) => tinyTrainer(untyped<Partial<TrainerOptions>>(more));
const [network, random] = [tinyClassifier(), seededNormals(1)];
const weights = initialWeights(network, declarationsOf(network, [1, 2, 8, 8]), { random });
const write = (more: object) => exportModel(untyped({ network, weights, imageShape: [1, 2, 8, 8], ...more }));

describe('createTrainer names the option', () => {
  const cases: readonly Refusal[] = [
    [
      'no options',
      () => createTrainer(untyped(undefined)),
      /^createTrainer: expected an object of options \(network, imageShape, .*\), found nothing$/,
    ],
    [
      'no network',
      () => create({ network: undefined }),
      /^createTrainer: network must be a network, as unet2d.* gives, found nothing$/,
    ],
    [
      'a function that makes networks',
      () => create({ network: tinyClassifier }),
      /^createTrainer: network must be a network, .* found the function tinyClassifier$/,
    ],
    [
      'no random',
      () => create({ random: undefined }),
      /^createTrainer: random must be a source of normal numbers, as seededNormals\(1\) gives, found nothing$/,
    ],
    [
      'Math.random',
      () => create({ random: Math.random }),
      /^createTrainer: random must be .* found the function random$/,
    ],
    [
      'imageShape of one image',
      () => create({ imageShape: [2, 8, 10].slice(1) }),
      /^createTrainer: imageShape must be a shape \[N, C, H, W\] or .* found \[8, 10\]$/,
    ],
    [
      'imageShape with 0',
      () => create({ imageShape: [0, 2, 8, 10] }),
      /^createTrainer: imageShape .* found \[0, 2, 8, 10\]$/,
    ],
    [
      'a loss that was not called',
      () => create({ loss: classification }),
      /^createTrainer: loss must be a loss for training, .* found the function classification$/,
    ],
    ['the name of a loss', () => create({ loss: 'dice' }), /^createTrainer: loss .* found 'dice'$/],
    [
      'the name of an optimiser',
      () => create({ optimiser: 'adamw' }),
      /^createTrainer: optimiser must be an object with a name, .* found 'adamw'$/,
    ],
    [
      'unknown optimiser',
      () => create({ optimiser: { name: 'lamb' } }),
      /^optimiser: name must be 'sgd', 'adam' or 'adamw', found 'lamb'$/,
    ],
    [
      'kernels',
      () => create({ kernels: 'blocked' }),
      /^createTrainer: kernels must be 'fast' or 'plain', found 'blocked'$/,
    ],
    [
      'clipNorm',
      () => create({ clipNorm: 0 }),
      /^createTrainer: clipNorm must be a positive number, found 0$/,
    ],
    [
      'microBatches',
      () => create({ microBatches: 1.5 }),
      /^createTrainer: microBatches must be a positive whole number, found 1\.5$/,
    ],
    [
      'weightAverageDecay',
      () => create({ weightAverageDecay: 1 }),
      /^createTrainer: weightAverageDecay must be a number in \[0, 1\), found 1$/,
    ],
    ['seed', () => create({ seed: -1 }), /^createTrainer: seed must be a whole number from 0, found -1$/],
    [
      'threads',
      () => create({ threads: '2' }),
      /^createTrainer: threads must be a positive whole number, found '2'$/,
    ],
    [
      'signal',
      () => create({ signal: new AbortController() }),
      /^createTrainer: signal must be an AbortSignal, found a AbortController$/,
    ],
    [
      'provider',
      () => create({ provider: ['cpu'] }),
      /^createTrainer: provider must be a text that is not empty, found \['cpu'\]$/,
    ],
    [
      'classPriors',
      () => create({ classPriors: [0.5, 0.5, 0] }),
      /^createTrainer: classPriors must be .* \(item 2 is 0\)$/,
    ],
    [
      'classPriors of other classes',
      () => create({ classPriors: [0.5, 0.5] }),
      /^classPriors: expected 3 positive shares, found \[0\.5, 0\.5\]$/,
    ],
    [
      'initial',
      () => create({ initial: { 'fc.bias': [0, 0, 0] } }),
      /^createTrainer: initial must be arrays by name, each .* \('fc\.bias' is \[0, 0, 0\]\)$/,
    ],
    [
      'groups',
      () => create({ groups: { names: ['fc'] } }),
      /^createTrainer: groups must be a list of groups, .* found an object with names$/,
    ],
    [
      'a group without names',
      () => create({ groups: [{ frozen: true }] }),
      /^groups: group 0: names must be a list of names of parameters or places, found nothing$/,
    ],
    [
      'a group with lr',
      () => create({ groups: [{ names: ['fc'], lr: 2 }] }),
      /^groups: group 0: there is no option 'lr'; there are names, learningRate, weightDecay, frozen$/,
    ],
    [
      'a misspelt option',
      () => create({ microBatch: 2 }),
      /^createTrainer: there is no option 'microBatch'; there are network, .*, profile$/,
    ],
  ];
  refuses(cases);
});

describe('losses, weights, states and exports name the option', () => {
  const cases: readonly Refusal[] = [
    [
      'segmentation without options',
      () => segmentation(untyped(undefined)),
      /^segmentation: expected an object of options .* found nothing$/,
    ],
    [
      'segmentation, classWeights',
      () => segmentation(untyped({ crossEntropyWeight: 1, diceWeight: 1 })),
      /^segmentation: classWeights must be a list of .* found nothing$/,
    ],
    [
      'classification, smoothing',
      () => classification(untyped({ smoothing: 0.1 })),
      /^classification: there is no option 'smoothing'; there are classWeights, labelSmoothing$/,
    ],
    [
      'ofClasses',
      () => ofClasses(untyped({})),
      /^ofClasses: build must be a function, found an empty object$/,
    ],
    [
      'ofLabels, type',
      () =>
        ofLabels(
          untyped(() => {}),
          untyped('int8'),
        ),
      /^ofLabels: type must be 'uint8' or 'float32', found 'int8'$/,
    ],
    [
      'initialWeights, random',
      () => initialWeights(network, declarationsOf(network), untyped({})),
      /^initialWeights: random must be .* found nothing$/,
    ],
    [
      'declarationsOf',
      () => declarationsOf(untyped('vgg16')),
      /^declarationsOf: network must be .* found 'vgg16'$/,
    ],
    [
      'serialiseState',
      () => serialiseState(untyped(null)),
      /^serialiseState: state must be a state, .* found null$/,
    ],
    [
      'parseState',
      () => parseState(untyped('state.safetensors')),
      /^parseState: file must be bytes \(a Uint8Array\), found 'state\.safetensors'$/,
    ],
    [
      'exportModel, activation',
      () => write({ activation: 'relu' }),
      /^exportModel: activation must be 'softmax', 'sigmoid' or 'none', found 'relu'$/,
    ],
    [
      'exportModel, size',
      () => write({ size: 'any' }),
      /^exportModel: size must be 'open', or a list of positive whole numbers, .* found 'any'$/,
    ],
    [
      'exportModel, metadata',
      () => write({ metadata: { epoch: 3 } }),
      /^exportModel: metadata must be texts by name, found an object with epoch \('epoch' is 3\)$/,
    ],
    [
      'exportModel, weights',
      () => write({ weights: undefined }),
      /^exportModel: weights must be arrays by name, .* found nothing$/,
    ],
  ];
  refuses(cases);
});

describe('a trainer names the option, and goes on', async () => {
  const trainer = await tinyTrainer();
  afterAll(() => trainer.close());
  const cases: readonly Refusal[] = [
    [
      'step without batch',
      () => trainer.step(untyped(undefined)),
      /^step 1: the batch must be an object with images, targets and learningRate, found nothing$/,
    ],
    [
      'weights without options',
      () => trainer.weights(untyped(undefined)),
      /^weights: expected an object of options \(averaged\), found nothing$/,
    ],
    [
      'exportModel without averaged',
      () => trainer.exportModel(untyped({})),
      /^exportModel: averaged must be true or false, found nothing$/,
    ],
    [
      'restore of bytes',
      () => trainer.restore(untyped(new Uint8Array(3))),
      /^state must be a state, as snapshot\(\) and parseState give, found a Uint8Array of 3$/,
    ],
    [
      'regroup of one group',
      () => trainer.regroup(untyped({ names: ['fc'] })),
      /^regroup: groups must be a list of groups/,
    ],
  ];
  refuses(cases);

  test('after all that it still trains', async () => {
    const images = new Float32Array(4 * 2 * 8 * 10).fill(0.5);
    await expect(
      trainer.step({ images, targets: new Uint8Array(4), learningRate: Number.NaN }),
    ).rejects.toThrow(
      new NetworkError('value-invalid', 'step 1: learningRate must be a number from 0, found NaN'),
    );
    expect((await trainer.step({ images, targets: new Uint8Array(4), learningRate: 1e-3 })).updated).toBe(
      true,
    );
  });
});
