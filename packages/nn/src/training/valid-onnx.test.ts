import { InferenceSession } from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import { debianPython, hasSystemTools, needs } from '../../../../testing/system-tools.ts';
import { gradients } from '../autodiff/gradients.ts';
import { input, type Tensor } from '../graph/tensor.ts';
import { scopeOf } from '../layers/scope.ts';
import { densenet40 } from '../models/cifar-densenet.ts';
import { resnet20 } from '../models/cifar-resnet.ts';
import { densenet } from '../models/densenet.ts';
import type { Network } from '../models/network.ts';
import { resnet } from '../models/resnet.ts';
import { squeezenet } from '../models/squeezenet.ts';
import { unet2d } from '../models/unet-2d.ts';
import { vgg } from '../models/vgg.ts';
import { encodeModel } from '../onnx/encode-model.ts';
import type { OnnxModel, OnnxValue } from '../onnx/onnx-model.ts';
import { readModel } from '../onnx/read-model.ts';
import { buildModel } from '../onnx/write-model.ts';
import { convolution } from '../operators/convolution.ts';
import { relu } from '../operators/elementwise.ts';
import { reduceSum } from '../operators/reduce.ts';
import { softmax } from '../operators/softmax.ts';
import { type OptimiserOptions, optimiserOf } from '../optimisers/optimiser-of.ts';
import { checkOnnx, type InferredShapes } from '../testing/check-onnx.ts';
import { networkInputs } from '../testing/network-inputs.ts';
import { testRandom } from '../testing/numbers.ts';
import { randomWeights } from '../testing/random-weights.ts';
import { strictShapes } from '../testing/run-graph.ts';
import { declarationsOf } from './declarations.ts';
import { type ExportOptions, exportModel } from './export-model.ts';
import { initialWeights, untrainedState } from './initialise.ts';
import { segmentation } from './segmentation.ts';
import { prepareSession } from './session.ts';

const classes = 5;
const unets = (['batch', 'none'] as const).map((norm) =>
  unet2d({
    inputChannels: 3,
    classes: 3,
    baseChannels: 4,
    maxChannels: 16,
    levels: 3,
    convolutionsPerLevel: 2,
    norm,
  }),
);
const networks: readonly Network[] = [
  ...unets,
  vgg({ depth: 11, classes }),
  vgg({ depth: 11, classes, batchNorm: true, padding: 'valid', head: 'pooled' }),
  resnet({ depth: 18, classes }),
  resnet({ depth: 50, classes }),
  densenet({ depth: 121, classes }),
  squeezenet({ classes }),
  resnet20({ classes }),
  densenet40({ classes }),
];

/** A batch of two images that are larger than the smallest, by other amounts on each axis. */
function imageOf({ inputChannels, smallestSize, divisor }: Network): number[] {
  const size = smallestSize.map((length, axis) => length + divisor * Math.ceil((16 + axis) / divisor));
  return [2, inputChannels, ...size];
}

const withValues = (name: string, outputs: Readonly<Record<string, Tensor>>) =>
  buildModel({ name, outputs, declareValues: true });

/** The network in evaluation with its weights as inputs: so no numbers are needed. */
function inferenceGraph(network: Network): OnnxModel {
  const logits = network.forward(
    scopeOf(networkInputs('evaluation').source),
    input('image', imageOf(network)),
  );
  return withValues(network.name, { probabilities: softmax(logits, 1) });
}

/** The network in training and the gradient of every parameter. */
function gradientGraph(network: Network): OnnxModel {
  const inputs = networkInputs('training');
  const logits = network.forward(scopeOf(inputs.source), input('image', imageOf(network)));
  const names = [...inputs.parameters.keys()];
  const found = gradients(reduceSum(softmax(logits, 1)), [...inputs.parameters.values()]);
  return withValues(
    network.name,
    Object.fromEntries(names.map((name, i) => [`gradient of ${name}`, found[i]!])),
  );
}

/** The graphs of one step of a trainer, without the CPU's own operators. */
function stepModels(
  name: string,
  optimiser: OptimiserOptions,
  more: { microBatches: number; clipNorm?: number },
): [string, () => OnnxModel][] {
  const network = unets[0]!;
  const imageShape = [2, 3, 16, 24];
  const declarations = declarationsOf(network, imageShape);
  const weights = initialWeights(network, declarations, { random: testRandom(1) });
  const setup = {
    network,
    declarations,
    imageShape,
    loss: segmentation({ crossEntropyWeight: 1, diceWeight: 1, classWeights: [1, 2, 3] }),
    optimiser: optimiserOf(optimiser),
    averageDecay: 0.99,
    ...more,
  };
  const { graph, updates } = prepareSession(setup, [], untrainedState(network, declarations, weights));
  return [
    [name, () => withValues('step', graph.outputs)],
    ...[...updates.graphs].map(([update, { outputs }]): [string, () => OnnxModel] => [
      `${name}, ${update}`,
      // Of one length: an open one has no name any more where two vectors were added.
      () => withValues('update', outputs),
    ]),
  ];
}

/** Convolution of volumes with its gradients. */
function volumeGraph(): OnnxModel {
  const image = input('image', [1, 2, 6, 8, 7]);
  const weights = input('weights', [4, 2, 3, 3, 3]);
  const y = relu(convolution(image, weights, { pads: [1, 1, 1, 1, 1, 1], stride: [1, 2, 1] }));
  const [dx, dw] = gradients(reduceSum(y), [image, weights]);
  return withValues('volume', { y, dx: dx!, dw: dw! });
}

const fixed: readonly (readonly [name: string, build: () => OnnxModel])[] = [
  ...networks.map((network) => [`${network.name}, inference`, () => inferenceGraph(network)] as const),
  ...networks.map((network) => [`${network.name}, gradients`, () => gradientGraph(network)] as const),
  ...stepModels('a step with Adam', { name: 'adam', weightDecay: 1e-2 }, { microBatches: 1 }),
  ...stepModels(
    'a clipped step of micro-batches with SGD',
    { name: 'sgd', momentum: 0.9, nesterov: true },
    { microBatches: 3, clipNorm: 1 },
  ),
  ['a convolution of volumes', volumeGraph],
];

/** A value that claims one more along its second axis. */
function widened(value: OnnxValue): OnnxValue {
  return { ...value, shape: value.shape!.map((size, axis) => (axis === 1 ? Number(size) + 1 : size)) };
}

/** Opens a model as it is, at its own version of ONNX, in the engine that insists on declared shapes. */
async function openStrictly(file: Uint8Array): Promise<void> {
  const session = await InferenceSession.create(file, {
    graphOptimizationLevel: 'disabled',
    logSeverityLevel: 4,
    extra: strictShapes,
  });
  await session.release();
}

describe('ONNX Runtime infers the shapes that are declared', () => {
  test.each(fixed)('%s', async (_name, build) => {
    const model = build();
    const { values, nodes, outputs } = model.graph;
    expect(values.length).toBeGreaterThanOrEqual(Math.min(4, nodes.length - outputs.length));
    expect(Object.keys(model.opsets)).toEqual(['']);
    await openStrictly(encodeModel(model));
  });

  test('and refuses a wrong one', async () => {
    const model = volumeGraph();
    const values = model.graph.values.map(widened);
    await expect(openStrictly(encodeModel({ ...model, graph: { ...model.graph, values } }))).rejects.toThrow(
      'ShapeInferenceError',
    );
  });
});

describe('exported models', () => {
  const exported = (network: Network, options: ExportOptions = {}) => {
    const imageShape = imageOf(network);
    const declared = networkInputs('evaluation');
    network.forward(scopeOf(declared.source), input('image', imageShape));
    const weights = randomWeights(declared, 1);
    return { network, imageShape, file: exportModel({ network, weights, imageShape, ...options }) };
  };
  const segmenting = unets.map((network) => exported(network));
  const classifying = [resnet20, densenet40, squeezenet].map((make) =>
    exported(make({ classes }), { activation: 'none' }),
  );

  test.each(segmenting)('$network.name leaves all sizes open', ({ file }) => {
    const { inputs, outputs } = readModel(file).graph;
    expect(inputs).toEqual([{ name: 'image', type: 'float32', shape: ['N', 3, 'H', 'W'] }]);
    expect(outputs).toEqual([{ name: 'probabilities', type: 'float32', shape: ['N', 3, 'H', 'W'] }]);
  });

  test.each(classifying)('$network.name leaves the batch open', ({ file, imageShape }) => {
    const { inputs, outputs } = readModel(file).graph;
    expect(inputs).toEqual([{ name: 'image', type: 'float32', shape: ['N', ...imageShape.slice(1)] }]);
    expect(outputs).toEqual([{ name: 'logits', type: 'float32', shape: ['N', classes] }]);
  });

  test.each([...segmenting, ...classifying])('$network.name is standard ONNX', async ({ file }) => {
    expect(readModel(file).opsets).toEqual({ '': 18 });
    await openStrictly(file);
  });

  // The norms of a DenseNet come before its convolutions, after values were joined.
  const foldable = [...segmenting, ...classifying.filter(({ network }) => !/densenet/.test(network.name))];
  test.each(foldable)('$network.name: norms are folded, and constants alone decide nothing', ({ file }) => {
    const { nodes, initializers } = readModel(file).graph;
    const constants = new Set(initializers.map(({ name }) => name));
    for (const { name, type, inputs } of nodes) {
      expect(type).not.toMatch(/Norm|Sqrt|^Mul$/);
      expect(
        inputs.every((value) => constants.has(value)),
        name,
      ).toBe(false);
    }
  });

  test.skipIf(!hasSystemTools(['python3-onnx']))(
    needs(['python3-onnx'], 'the ONNX project finds them valid, and infers the output that is declared'),
    () => {
      const requests = [
        ...segmenting.flatMap(({ file }) => [
          { file, sizes: { N: 1, H: 4, W: 4 }, output: [1, 3, 4, 4] },
          { file, sizes: { N: 3, H: 16, W: 24 }, output: [3, 3, 16, 24] },
        ]),
        ...classifying.map(({ file }) => ({ file, sizes: { N: 4 }, output: [4, classes] })),
      ];
      const found = checkOnnx(debianPython, requests);
      const outputs = found.map(({ probabilities, logits }) => probabilities ?? logits);
      expect(outputs).toEqual(requests.map(({ output }) => output));
    },
  );
});

test.skipIf(!hasSystemTools(['python3-onnx']))(
  needs(['python3-onnx'], 'the ONNX project finds all graphs valid, and infers the shapes that are declared'),
  () => {
    const models = fixed.map(([name, build]) => ({ name, model: build() }));
    const found = checkOnnx(
      debianPython,
      models.map(({ model }) => ({ file: encodeModel(model) })),
    );
    for (const [i, { name, model }] of models.entries()) expectShapes(model, found[i]!, name);

    const { graph, ...rest } = volumeGraph();
    const wrong = encodeModel({ ...rest, graph: { ...graph, outputs: graph.outputs.map(widened) } });
    expect(() => checkOnnx(debianPython, [{ file: wrong }])).toThrow(/differ/);
  },
);

/** Every value's shape must be inferred, and be the declared one. */
function expectShapes({ graph }: OnnxModel, inferred: InferredShapes, name: string): void {
  const declared = ({ name, shape }: OnnxValue) => [name, shape];
  const expected = Object.fromEntries([...graph.values, ...graph.outputs].map(declared));
  const known = Object.fromEntries(Object.keys(expected).map((value) => [value, inferred[value]]));
  expect(known, name).toEqual(expected);
}
