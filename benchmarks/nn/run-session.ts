// node run-session.js CASE SETTINGS: opens one model with session settings of ONNX Runtime (JSON), warms up, times three
// runs, prints one line of JSON. In a process of its own, so that peak memory is that of these settings.
import { sizeOf } from '@glisson/nn/graph/shape';
import { unet2d } from '@glisson/nn/models/unet-2d';
import { writeModel } from '@glisson/nn/onnx/write-model';
import { optimiserOf } from '@glisson/nn/optimisers/optimiser-of';
import { trainingForm } from '@glisson/nn/runtime/training-form';
import { testRandom } from '@glisson/nn/testing/numbers';
import { declarationsOf } from '@glisson/nn/training/declarations';
import { exportModel } from '@glisson/nn/training/export-model';
import { initialWeights, untrainedState } from '@glisson/nn/training/initialise';
import { segmentation } from '@glisson/nn/training/segmentation';
import { prepareSession } from '@glisson/nn/training/session';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { median } from '../common/bench-report.ts';

/** A model, what it is fed, and where outputs are written. */
interface Job {
  readonly model: Uint8Array;
  readonly feeds: Record<string, Tensor>;
  readonly places: Record<string, Tensor>;
}

export interface SessionMeasurement {
  readonly openMs: number;
  readonly runMs: number;
  /** Processor time of all threads per run, spinning included. */
  readonly processorMs: number;
  readonly peakMib: number;
}

const warmups = 1;
const runs = 3;
const random = testRandom(1);
const network = unet2d({
  inputChannels: 1,
  classes: 2,
  baseChannels: 32,
  maxChannels: 256,
  levels: 4,
  convolutionsPerLevel: 2,
});

function floats(shape: readonly number[]): Tensor {
  const length = shape.reduce((a, b) => a * b, 1);
  return new Tensor(
    'float32',
    Float32Array.from({ length }, () => random.normal()),
    shape,
  );
}

/** Forward pass and gradients, without the optimiser. */
async function trainingJob(): Promise<Job> {
  const imageShape = [8, 1, 128, 128];
  const declarations = declarationsOf(network, imageShape);
  const setup = {
    network,
    declarations,
    imageShape,
    loss: segmentation({ crossEntropyWeight: 1, diceWeight: 1, classWeights: [1, 1] }),
    optimiser: optimiserOf({ name: 'adam' }),
    averageDecay: 0.99,
    microBatches: 1,
  };
  const weights = initialWeights(network, declarations, { random });
  const { graph, vectors } = prepareSession(setup, [], untrainedState(network, declarations, weights));
  const image = floats(imageShape);
  const targets = Uint8Array.from(image.data as Float32Array, (value) => (value > 0 ? 1 : 0));
  const feeds: Record<string, Tensor> = { image, targets: new Tensor('uint8', targets, graph.targets.shape) };
  for (const { name, vector, offset, dims } of graph.inputs) {
    feeds[name] = new Tensor('float32', vectors[vector]!.subarray(offset, offset + sizeOf(dims)), dims);
  }
  for (const { name, compute } of graph.numbers) {
    const value = compute({ learningRate: 1e-3, step: 100, isLast: true });
    feeds[name] = new Tensor('float32', Float32Array.of(value), []);
  }
  const form = await trainingForm();
  return {
    model: writeModel({ name: network.name, outputs: graph.outputs, ...form }),
    feeds,
    places: Object.fromEntries(
      graph.gradients.map(({ name, dims }) => [
        name,
        new Tensor('float32', new Float32Array(sizeOf(dims)), dims),
      ]),
    ),
  };
}

function inferenceJob(size: number): Job {
  const imageShape = [1, 1, size, size];
  const declarations = declarationsOf(network, imageShape);
  const weights = initialWeights(network, declarations, { random });
  return {
    model: exportModel({ network, weights, imageShape, metadata: {} }),
    feeds: { image: floats(imageShape) },
    places: {},
  };
}

async function measure(
  { model, feeds, places }: Job,
  settings: InferenceSession.SessionOptions,
): Promise<SessionMeasurement> {
  const opening = performance.now();
  const session = await InferenceSession.create(model, settings);
  const openMs = performance.now() - opening;
  const fetches = Object.fromEntries(session.outputNames.map((name) => [name, places[name] ?? null]));
  const times: number[] = [];
  const processor: number[] = [];
  for (let run = -warmups; run < runs; run++) {
    const before = process.cpuUsage();
    const start = performance.now();
    await session.run(feeds, fetches);
    if (run >= 0) {
      times.push(performance.now() - start);
      const { user, system } = process.cpuUsage(before);
      processor.push((user + system) / 1000);
    }
  }
  return {
    openMs,
    runMs: median(times),
    processorMs: median(processor),
    peakMib: process.resourceUsage().maxRSS / 1024,
  };
}

const [name, settings] = process.argv.slice(2) as [string, string];
const job = name === 'training' ? await trainingJob() : inferenceJob(Number(name));
console.log(JSON.stringify(await measure(job, JSON.parse(settings))));
