import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { expect, test } from 'vitest';
import { sizeOf } from '../graph/shape.ts';
import { relativeError, testRandom } from '../testing/numbers.ts';
import { declarationsOf } from '../training/declarations.ts';
import { evaluateNetwork } from '../training/evaluate-network.ts';
import { exportModel } from '../training/export-model.ts';
import { initialWeights } from '../training/initialise.ts';
import { resnet20 } from './cifar-resnet.ts';
import { denseNetOf } from './densenet.ts';
import { encoderUNet } from './encoder-unet.ts';
import { smallestShape } from './network.ts';
import { squeezenet } from './squeezenet.ts';
import { unet2d } from './unet-2d.ts';
import { unet3d } from './unet-3d.ts';

const classes = 3;
const padding = 'valid';
const unet = { inputChannels: 3, classes, baseChannels: 4, maxChannels: 8, convolutionsPerLevel: 1 } as const;
const decoderChannels = [4, 4, 8, 8];

test.each([
  { network: resnet20({ classes }), larger: [3, 8] },
  { network: resnet20({ classes, padding }), larger: [1, 4] },
  { network: squeezenet({ classes }), larger: [1, 6] },
  {
    network: denseNetOf({ name: 'densenet-small', blocks: [1, 2], classes, inputChannels: 3, padding }),
    larger: [3, 6],
  },
  { network: unet2d({ ...unet, levels: 3 }), larger: [4, 12] },
  { network: unet2d({ ...unet, levels: 3, padding, block: 'residual', norm: 'instance' }), larger: [4, 8] },
  { network: unet3d({ ...unet, levels: 2, norm: 'instance' }), larger: [2, 6, 4] },
  {
    network: encoderUNet({ encoder: { kind: 'resnet', depth: 18, stages: 2 }, classes, decoderChannels }),
    larger: [16, 24],
  },
  {
    network: encoderUNet({
      encoder: { kind: 'resnet', depth: 18, stages: 1 },
      classes,
      decoderChannels,
      up: 'linear',
      padding,
    }),
    larger: [4, 8],
  },
])('$network.name: one exported model for images of any size', async ({ network, larger }) => {
  const random = testRandom(4);
  const weights = initialWeights(network, declarationsOf(network), { random });
  const model = exportModel({ network, weights, imageShape: smallestShape(network), size: 'open' });
  const session = await InferenceSession.create(model, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  for (const more of [larger.map(() => 0), larger]) {
    const shape = [2, 3, ...network.smallestSize.map((length, axis) => length + more[axis]!)];
    const image = Float32Array.from({ length: sizeOf(shape) }, () => random.normal());
    const { probabilities } = await session.run({ image: new OrtTensor('float32', image, shape) });
    const exact = evaluateNetwork(network, weights, image, shape);
    expect(probabilities!.data).toHaveLength(exact.length);
    expect(relativeError(probabilities!.data as Float32Array, exact)).toBeLessThan(1e-5);
  }
  await session.release();
});
