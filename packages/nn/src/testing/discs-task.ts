import { unet2d } from '../models/unet-2d.ts';
import type { EngineReport } from '../runtime/backend.ts';
import { createPredictor } from '../runtime/predictor.ts';
import { segmentation } from '../training/segmentation.ts';
import { createTrainer } from '../training/trainer.ts';
import { relativeError, testRandom } from './numbers.ts';

/** A small task for comparing platforms: discs in noise, found by a small U-Net. */
export const discsTask = { steps: 20, batchSize: 4, size: 32, testSize: 48, learningRate: 1e-2 };

/** The same for a software GPU, which is slow. */
export const tinyDiscsTask: typeof discsTask = {
  ...discsTask,
  steps: 6,
  batchSize: 2,
  size: 16,
  testSize: 16,
};

export interface DiscsOptions {
  readonly provider?: string;
  readonly threads?: number;
  readonly signal?: AbortSignal;
  readonly task?: typeof discsTask;
  readonly onStep?: (step: number, loss: number) => void;
}

export interface DiscsResult {
  readonly engine: EngineReport;
  readonly losses: readonly number[];
  /** All weights, moments and statistics after the last step, by name. */
  readonly state: Readonly<Record<string, Float32Array>>;
  readonly picture: Float32Array;
  /** [1, 2, testSize, testSize]: the exported network on a picture that it has not seen. */
  readonly probabilities: Float32Array;
}

/** Trains with the same numbers on every platform, exports, and runs the exported model once. */
export async function runDiscs(options: DiscsOptions = {}): Promise<DiscsResult> {
  const { onStep, task = discsTask, ...engine } = options;
  const { steps, batchSize, size, testSize, learningRate } = task;
  const trainer = await createTrainer({
    ...engine,
    network: unet2d({
      inputChannels: 1,
      classes: 2,
      baseChannels: 8,
      maxChannels: 16,
      levels: 2,
      convolutionsPerLevel: 2,
    }),
    imageShape: [batchSize, 1, size, size],
    loss: segmentation({ crossEntropyWeight: 1, diceWeight: 1, classWeights: [1, 1] }),
    optimiser: { name: 'adamw', weightDecay: 1e-2 },
    weightAverageDecay: 0.9,
    random: testRandom(1),
    kernels: 'plain',
  });
  try {
    const losses: number[] = [];
    for (let step = 1; step <= steps; step++) {
      const { loss } = await trainer.step({ ...discs(step, batchSize, size), learningRate });
      losses.push(loss);
      onStep?.(step, loss);
    }
    const { arrays } = await trainer.snapshot();
    const model = await trainer.exportModel({ averaged: false, metadata: {} });
    const predictor = await createPredictor(model, engine);
    try {
      const { images } = discs(1000, 1, testSize);
      const { data } = await predictor.run(images.slice(), [1, 1, testSize, testSize]);
      return {
        engine: trainer.engine,
        losses,
        state: Object.fromEntries(Object.entries(arrays).map(([name, { values }]) => [name, values])),
        picture: images,
        probabilities: data,
      };
    } finally {
      await predictor.close();
    }
  } finally {
    await trainer.close();
  }
}

/** A result as it comes back from a page or another process. */
export interface PlainDiscsResult extends Omit<DiscsResult, 'state' | 'picture' | 'probabilities'> {
  readonly state: Readonly<Record<string, readonly number[]>>;
  readonly probabilities: readonly number[];
}

/** `runDiscs` with numbers that JSON knows. */
export async function runPlainDiscs(options: DiscsOptions = {}): Promise<PlainDiscsResult> {
  const { state, probabilities, engine, losses } = await runDiscs(options);
  return {
    engine,
    losses,
    state: Object.fromEntries(Object.entries(state).map(([name, values]) => [name, [...values]])),
    probabilities: [...probabilities],
  };
}

/** Relative errors (Euclidean norms) of losses, of probabilities, and of every kind of state as one vector. */
export function compareDiscs(found: PlainDiscsResult, expected: DiscsResult): Record<string, number> {
  const errors: Record<string, number> = {
    losses: relativeError(found.losses, expected.losses),
    probabilities: relativeError(found.probabilities, expected.probabilities),
  };
  const kindOf = (name: string) => name.split('/')[0]!;
  for (const kind of new Set(Object.keys(expected.state).map(kindOf))) {
    const numbers = (state: Readonly<Record<string, ArrayLike<number>>>) =>
      Object.keys(expected.state)
        .filter((name) => kindOf(name) === kind)
        .flatMap((name) => Array.from(state[name]!));
    errors[kind] = relativeError(numbers(found.state), numbers(expected.state));
  }
  return errors;
}

/** Pictures of noise with two bright discs each, and where the discs are. */
function discs(seed: number, count: number, size: number): { images: Float32Array; targets: Uint8Array } {
  const { uniform } = testRandom(seed);
  const images = Float32Array.from({ length: count * size * size }, () => uniform() - 0.5);
  const targets = new Uint8Array(images.length);
  for (let disc = 0; disc < 2 * count; disc++) {
    const [radius, x, y] = [size * (0.08 + 0.1 * uniform()), size * uniform(), size * uniform()];
    for (let i = 0; i < size * size; i++) {
      if (((i % size) - x) ** 2 + (Math.floor(i / size) - y) ** 2 > radius ** 2) continue;
      const pixel = Math.floor(disc / 2) * size * size + i;
      if (targets[pixel] === 0) images[pixel]! += 0.8;
      targets[pixel] = 1;
    }
  }
  return { images, targets };
}
