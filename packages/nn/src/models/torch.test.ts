import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { beforeAll, describe, expect, test } from 'vitest';
import { debianPython, hasSystemTools, needs } from '../../../../testing/system-tools.ts';
import { sizeOf } from '../graph/shape.ts';
import { input, type Tensor } from '../graph/tensor.ts';
import { scopeOf } from '../layers/scope.ts';
import { evaluate } from '../reference/evaluate.ts';
import { networkInputs } from '../testing/network-inputs.ts';
import { relativeError, testRandom } from '../testing/numbers.ts';
import { randomWeights } from '../testing/random-weights.ts';
import { runTorch } from '../testing/run-torch.ts';
import { exportModel } from '../training/export-model.ts';
import { densenet40 } from './cifar-densenet.ts';
import { resnet20 } from './cifar-resnet.ts';
import { denseNetOf } from './densenet.ts';
import { encoderUNet } from './encoder-unet.ts';
import type { Network } from './network.ts';
import { resnet } from './resnet.ts';
import { squeezenet } from './squeezenet.ts';
import { unet2d } from './unet-2d.ts';
import { unet3d } from './unet-3d.ts';
import { vgg } from './vgg.ts';

interface Case {
  readonly network: Network;
  readonly image: readonly number[];
  /** A function of torch_networks.py, and its options. */
  readonly torch: string;
  readonly options?: Readonly<Record<string, unknown>>;
}

const classes = 5;
const padding = 'valid';
const dense = { name: 'densenet-small', blocks: [2, 3, 2], classes, inputChannels: 3 } as const;
const unet = { inputChannels: 2, classes, baseChannels: 4, maxChannels: 12, convolutionsPerLevel: 2 };
const decoderChannels = [8, 12, 16, 24];
const cases: Case[] = [
  {
    network: vgg({ depth: 11, classes, batchNorm: true, head: 'pooled' }),
    image: [2, 3, 40, 33],
    torch: 'vgg',
    options: { stages: [1, 1, 2, 2, 2], batch_norm: true, head: 'pooled' },
  },
  {
    network: resnet({ depth: 18, classes }),
    image: [2, 3, 45, 64],
    torch: 'resnet',
    options: { blocks: [2, 2, 2, 2] },
  },
  {
    network: denseNetOf({ ...dense, padding: 'same' }),
    image: [2, 3, 47, 60],
    torch: 'densenet',
    options: { blocks: dense.blocks },
  },
  {
    network: denseNetOf({ ...dense, padding }),
    image: [1, 3, 151, 158],
    torch: 'densenet',
    options: { blocks: dense.blocks },
  },
  {
    network: densenet40({ classes }),
    image: [2, 3, 9, 8],
    torch: 'densenet40',
    options: { form: 'published' },
  },
  {
    network: densenet40({ classes, form: 'fast' }),
    image: [2, 3, 9, 8],
    torch: 'densenet40',
    options: { form: 'fast' },
  },
  { network: resnet20({ classes }), image: [2, 3, 13, 16], torch: 'resnet20' },
  { network: resnet20({ classes, padding }), image: [1, 3, 82, 85], torch: 'resnet20' },
  { network: squeezenet({ classes }), image: [2, 3, 40, 47], torch: 'squeezenet' },
  { network: squeezenet({ classes, padding }), image: [1, 3, 141, 148], torch: 'squeezenet' },
  {
    network: unet2d({ ...unet, levels: 3 }),
    image: [2, 2, 16, 20],
    torch: 'unet',
    options: { levels: 3, count: 2 },
  },
  {
    network: unet2d({ ...unet, levels: 2, block: 'residual', norm: 'instance', activation: 'leakyRelu' }),
    image: [2, 2, 16, 20],
    torch: 'unet',
    options: { levels: 2, count: 2, residual: true, slope: 0.01 },
  },
  {
    network: unet2d({ ...unet, levels: 3, padding, norm: 'none' }),
    image: [1, 2, 44, 52],
    torch: 'unet',
    options: { levels: 3, count: 2 },
  },
  {
    network: unet2d({ ...unet, levels: 3, block: 'residual', padding }),
    image: [1, 2, 52, 48],
    torch: 'unet',
    options: { levels: 3, count: 2, residual: true },
  },
  {
    network: encoderUNet({ encoder: { kind: 'resnet', depth: 18, stages: 3 }, classes, decoderChannels }),
    image: [1, 3, 48, 32],
    torch: 'encoder_unet',
    options: { encoder: 'resnet', options: { blocks: [2, 2, 2] } },
  },
  {
    network: encoderUNet({ encoder: { kind: 'resnet', depth: 50, stages: 2 }, classes, decoderChannels }),
    image: [1, 3, 32, 24],
    torch: 'encoder_unet',
    options: { encoder: 'resnet', options: { blocks: [3, 4] } },
  },
  {
    network: encoderUNet({
      encoder: { kind: 'resnet', depth: 18, stages: 2 },
      classes,
      decoderChannels,
      padding,
    }),
    image: [1, 3, 179, 187],
    torch: 'encoder_unet',
    options: { encoder: 'resnet', options: { blocks: [2, 2] } },
  },
  {
    network: unet3d({ ...unet, levels: 2, norm: 'instance' }),
    image: [1, 2, 8, 6, 10],
    torch: 'unet',
    options: { levels: 2, count: 2 },
  },
  {
    network: unet3d({ ...unet, levels: 2, block: 'residual', activation: 'leakyRelu', padding }),
    image: [1, 2, 20, 22, 26],
    torch: 'unet',
    options: { levels: 2, count: 2, residual: true, slope: 0.01 },
  },
  ...(['nearest', 'linear'] as const).map((up) => ({
    network: encoderUNet({ encoder: { kind: 'resnet', depth: 18, stages: 2 }, classes, decoderChannels, up }),
    image: [1, 3, 24, 32],
    torch: 'encoder_unet',
    options: { encoder: 'resnet', options: { blocks: [2, 2] }, up },
  })),
  {
    network: encoderUNet({ encoder: { kind: 'vgg', depth: 11, batchNorm: true }, classes, decoderChannels }),
    image: [1, 3, 32, 48],
    torch: 'encoder_unet',
    options: { encoder: 'vgg', options: { stages: [1, 1, 2, 2, 2], batch_norm: true } },
  },
];

function inputsOf({ network, image }: Case, index: number) {
  const declared = networkInputs('evaluation');
  const x = input('image', image);
  const logits = network.forward(scopeOf(declared.source), x);
  const random = testRandom(index);
  const pixels = Float32Array.from({ length: sizeOf(image) }, () => random.normal());
  const weights = randomWeights(declared, index + 100);
  return { logits, x, pixels, declared, weights };
}

describe.skipIf(!hasSystemTools(['python3-torch']))('against PyTorch, with random weights', () => {
  let inputs: ReturnType<typeof inputsOf>[] = [];
  let expected: Float64Array[] = [];

  beforeAll(() => {
    inputs = cases.map(inputsOf);
    const requests = cases.map((entry, index) => {
      const { weights, pixels } = inputs[index]!;
      return {
        network: entry.torch,
        ...(entry.options && { options: entry.options }),
        padding: entry.network.name.endsWith(' valid') ? ('valid' as const) : ('same' as const),
        training: false,
        dtype: 'float64' as const,
        arrays: { ...weights, image: { shape: entry.image, values: pixels } },
      };
    });
    expected = runTorch(debianPython, requests);
  }, 300_000);

  const named = cases.map((entry, index) => ({ ...entry, name: entry.network.name, index }));

  test.each(named)(
    needs(['python3-torch'], '$name: the float64 reference gives the same logits'),
    ({ index }) => {
      const { logits, x, pixels, declared, weights } = inputs[index]!;
      const feeds = new Map<Tensor, Float32Array>([[x, pixels]]);
      for (const [name, tensor] of [...declared.parameters, ...declared.statistics]) {
        feeds.set(tensor, weights[name]!.values);
      }
      const [found] = evaluate([logits], feeds);
      expect(found!.length).toBe(expected[index]!.length);
      // What is left comes from epsilon, which is a float32 here.
      expect(relativeError(found!, expected[index]!)).toBeLessThan(1e-11);
    },
  );

  test.each(named)(
    needs(['python3-torch'], '$name: the exported model gives the same logits'),
    async (entry) => {
      const { network, image: imageShape, index } = entry;
      const { pixels, weights } = inputs[index]!;
      const size = imageShape.slice(2);
      const model = exportModel({ network, weights, imageShape, size, activation: 'none' });
      const session = await InferenceSession.create(model, { intraOpNumThreads: 1 });
      const { logits } = await session.run({ image: new OrtTensor('float32', pixels, imageShape) });
      await session.release();
      expect(relativeError(logits!.data as Float32Array, expected[index]!)).toBeLessThan(1e-5);
    },
  );
});
