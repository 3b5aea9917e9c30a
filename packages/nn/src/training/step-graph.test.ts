import { expect, test } from 'vitest';
import { gradients } from '../autodiff/gradients.ts';
import { sizeOf } from '../graph/shape.ts';
import {
  type InputAttributes,
  input,
  inputOperator,
  type Tensor,
  topologicalOrder,
} from '../graph/tensor.ts';
import { unet2d } from '../models/unet-2d.ts';
import { writeModel } from '../onnx/write-model.ts';
import { convolution } from '../operators/convolution.ts';
import { mul } from '../operators/elementwise.ts';
import { reduceSum } from '../operators/reduce.ts';
import { optimiserOf } from '../optimisers/optimiser-of.ts';
import { evaluate } from '../reference/evaluate.ts';
import { probeChannelBlock } from '../runtime/probe-blocks.ts';
import { jointError } from '../testing/gradient-graph.ts';
import { relativeError, testRandom } from '../testing/numbers.ts';
import { runGraph } from '../testing/run-graph.ts';
import { declarationsOf } from './declarations.ts';
import { initialWeights, untrainedState } from './initialise.ts';
import { segmentation } from './segmentation.ts';
import { prepareSession } from './session.ts';

test.each([
  { norm: 'none', limit: 1e-5 },
  { norm: 'batch', limit: 1e-5 },
] as const)('the gradient of a whole U-Net (norm: $norm) against float64', async ({ norm, limit }) => {
  const network = unet2d({
    inputChannels: 2,
    classes: 3,
    baseChannels: 4,
    maxChannels: 12,
    levels: 3,
    convolutionsPerLevel: 2,
    norm,
  });
  const imageShape = [2, 2, 16, 8];
  const declarations = declarationsOf(network, imageShape);
  const random = testRandom(3);
  const weights = initialWeights(network, declarations, { random });
  const { graph, vectors } = prepareSession(
    {
      network,
      declarations,
      imageShape,
      loss: segmentation({ crossEntropyWeight: 1, diceWeight: 1, classWeights: [1, 2, 3] }),
      optimiser: optimiserOf({ name: 'sgd' }),
      averageDecay: 0,
      microBatches: 1,
    },
    [],
    untrainedState(network, declarations, weights),
  );
  const numbers: Record<string, ArrayLike<number>> = {
    ...Object.fromEntries(
      graph.inputs.map(({ name, vector, offset, dims }) => [
        name,
        vectors[vector]!.subarray(offset, offset + sizeOf(dims)),
      ]),
    ),
    image: Float32Array.from({ length: sizeOf(imageShape) }, () => random.normal()),
    targets: Uint8Array.from({ length: 2 * 16 * 8 }, () => Math.floor(3 * random.uniform())),
  };
  const outputs = [graph.loss, ...graph.gradients.map(({ name }) => graph.outputs[name]!)];
  const feeds = new Map(inputsOf(outputs).map((tensor) => [tensor, numbers[nameOf(tensor)]!]));
  const [exactLoss, ...exact] = evaluate(outputs, feeds);
  const [foundLoss, ...found] = await runGraph(outputs, feeds);
  expect(foundLoss![0]).toBeCloseTo(exactLoss![0]!, 5);
  expect(jointError(found, exact)).toBeLessThan(limit);
});

test('convolutions in the CPU layout of this machine: the same gradient', async (context) => {
  const block = await probeChannelBlock();
  context.skip(block === 1, 'this processor has no such layout');
  expect([4, 8, 16]).toContain(block);
  const x = input('x', [2, 16, 40, 40]);
  const w = input('w', [32, 16, 3, 3]);
  const bias = input('bias', [32]);
  const y = convolution(x, w, { pads: [1, 1, 1, 1], bias });
  const weights = input('weights', y.shape);
  const outputs = [y, ...gradients(reduceSum(mul(y, weights)), [x, w, bias])];
  const random = testRandom(6);
  const feeds = new Map(
    [x, w, bias, weights].map((t) => [
      t,
      Float32Array.from({ length: sizeOf(t.shape) }, () => random.normal()),
    ]),
  );
  const model = writeModel({ name: 'm', outputs: { y }, channelBlock: block });
  expect(Buffer.from(model).includes('com.microsoft.nchwc')).toBe(true);
  const [exact, found] = [evaluate(outputs, feeds), await runGraph(outputs, feeds, { channelBlock: block })];
  for (const [i, values] of exact.entries()) expect(relativeError(found[i]!, values)).toBeLessThan(2e-6);
});

function inputsOf(outputs: readonly Tensor[]): Tensor[] {
  return topologicalOrder(outputs).filter(({ operator }) => operator.name === inputOperator.name);
}

function nameOf(tensor: Tensor): string {
  return (tensor.attributes as InputAttributes).name;
}
