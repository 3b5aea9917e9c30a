import { expect, test } from 'vitest';
import { sizeOf } from '../graph/shape.ts';
import { unet2d } from '../models/unet-2d.ts';
import { writeModel } from '../onnx/write-model.ts';
import { type OptimiserOptions, optimiserOf } from '../optimisers/optimiser-of.ts';
import type { Backend } from '../runtime/backend.ts';
import { nodeBackend } from '../runtime/backend-node.ts';
import type { EngineReply, EngineRequest } from '../runtime/messages.ts';
import { serveEngine } from '../runtime/serve-engine.ts';
import { testRandom } from '../testing/numbers.ts';
import { tinyClassifier } from '../testing/tiny-networks.ts';
import { classification } from './classification.ts';
import { declarationsOf } from './declarations.ts';
import { initialWeights, untrainedState } from './initialise.ts';
import { segmentation } from './segmentation.ts';
import { engineState, prepareSession } from './session.ts';

/** ONNX Runtime that writes results into buffers of their own first: nothing is overwritten while it is read. */
const twoBuffers: Backend = {
  open: async (model, options) => {
    const session = await nodeBackend.open(model, { ...options, placed: false });
    return {
      ...session,
      run: async (feeds, places = {}) => {
        const results = await session.run(feeds);
        for (const [name, place] of Object.entries(places)) {
          const result = results[name];
          if (result === undefined) continue;
          place.data.set(result.data);
          results[name] = place;
        }
        return results;
      },
    };
  },
};

const unet = unet2d({
  inputChannels: 1,
  classes: 3,
  baseChannels: 8,
  maxChannels: 16,
  levels: 3,
  convolutionsPerLevel: 2,
});
/** Wide enough that its vectors are updated in several pieces, the last one short. */
const wide = unet2d({
  inputChannels: 1,
  classes: 3,
  baseChannels: 96,
  maxChannels: 192,
  levels: 2,
  convolutionsPerLevel: 2,
});
const tiny = tinyClassifier();

const cases: readonly {
  readonly name: string;
  readonly network: typeof unet;
  readonly imageShape: readonly number[];
  readonly optimiser: OptimiserOptions;
  readonly microBatches?: number;
  readonly clipNorm?: number;
  readonly averageDecay?: number;
  readonly steps: number;
}[] = [
  {
    name: 'AdamW, an average, micro-batches, clipping',
    network: unet,
    imageShape: [2, 1, 16, 16],
    optimiser: { name: 'adamw', weightDecay: 1e-2 },
    microBatches: 3,
    clipNorm: 0.5,
    averageDecay: 0.9,
    steps: 30,
  },
  {
    name: 'Adam with L2, vectors of several pieces',
    network: wide,
    imageShape: [1, 1, 8, 8],
    optimiser: { name: 'adam', weightDecay: 1e-3 },
    steps: 8,
  },
  {
    name: "SGD with Nesterov's momentum, an average",
    network: tiny,
    imageShape: [4, 2, 8, 10],
    optimiser: { name: 'sgd', momentum: 0.9, nesterov: true, weightDecay: 1e-3 },
    averageDecay: 0.9,
    steps: 40,
  },
  {
    name: 'plain SGD',
    network: tiny,
    imageShape: [4, 2, 8, 10],
    optimiser: { name: 'sgd' },
    clipNorm: 1,
    steps: 40,
  },
];

test.each(cases)('$name: updates in place give the bits of updates into other buffers', async (each) => {
  const [inPlace, apart] = [await states(nodeBackend, each), await states(twoBuffers, each)];
  expect(inPlace.length).toBe(apart.length);
  for (const [i, state] of inPlace.entries()) {
    for (const [name, values] of Object.entries(state)) {
      expect(Buffer.from(values.buffer).equals(Buffer.from(apart[i]![name]!.buffer)), `${name}, ${i}`).toBe(
        true,
      );
    }
  }
  // The batch in the middle was not finite.
  expect(inPlace[1]).toEqual(inPlace[0]);
  expect(inPlace[2]).not.toEqual(inPlace[1]);
});

/** The state before and after a batch that is not finite in the middle of a training, and at its end. */
async function states(backend: Backend, { network, imageShape, steps, ...options }: (typeof cases)[number]) {
  const declarations = declarationsOf(network, imageShape);
  const { averageDecay = 0, microBatches = 1, optimiser, ...rest } = options;
  const setup = {
    ...rest,
    network,
    declarations,
    imageShape,
    loss:
      network.task === 'classification'
        ? classification()
        : segmentation({ crossEntropyWeight: 1, diceWeight: 1, classWeights: [1, 1, 2] }),
    optimiser: optimiserOf(optimiser),
    averageDecay,
    microBatches,
  };
  const weights = initialWeights(network, declarations, { random: testRandom(1) });
  const prepared = prepareSession(setup, [], untrainedState(network, declarations, weights));
  const { graph, updates } = prepared;

  let answer: EngineReply | undefined;
  const serve = serveEngine(backend, (reply) => {
    answer = reply;
  });
  const ask = async (request: EngineRequest): Promise<unknown> => {
    await serve({ id: 0, request });
    if (answer === undefined || 'error' in answer) throw new Error(JSON.stringify(answer));
    return answer.result;
  };
  const read = async () => (await ask({ kind: 'read-state' })) as Record<string, Float32Array>;
  await ask({
    kind: 'open',
    model: writeModel({ name: 'step', outputs: graph.outputs }),
    options: { provider: 'cpu', memoryPattern: false, threads: 2 },
    ...engineState(prepared),
  });
  const random = testRandom(2);
  const batch = async (index: number, finite = true) => {
    const images = Float32Array.from({ length: sizeOf(imageShape) }, () => random.normal());
    const targets = Uint8Array.from({ length: sizeOf(graph.targets.shape) }, () => 3 * random.uniform());
    if (!finite) images[0] = Number.NaN;
    const step = Math.floor(index / microBatches) + 1;
    const time = { learningRate: 1e-2, step, isLast: index % microBatches === microBatches - 1 };
    const numbers = graph.numbers.map(
      ({ name, compute }) => [name, { data: Float32Array.of(compute(time)), dims: [] }] as const,
    );
    await ask({
      kind: 'run',
      feeds: {
        image: { data: images, dims: imageShape },
        targets: { data: targets, dims: graph.targets.shape },
        ...Object.fromEntries(numbers),
      },
      updates: updates.calls(time),
      cleared: updates.cleared(time),
    });
  };
  const half = Math.floor(steps / 2);
  for (let i = 0; i < half; i++) await batch(i);
  const before = await read();
  await batch(half, false);
  const after = await read();
  for (let i = half; i < steps; i++) await batch(i);
  const last = await read();
  await serve({ id: 1, request: { kind: 'close' } });
  return [before, after, last];
}
