import { NetworkError } from '../errors/network-error.ts';
import { formatShape } from '../graph/shape.ts';
import type { SegmentationLossOptions } from '../losses/segmentation-loss.ts';
import type { Network } from '../models/network.ts';
import { writeModel } from '../onnx/write-model.ts';
import { type AdamOptions, adamRates } from '../optimisers/adam.ts';
import type { EngineReport } from '../runtime/backend.ts';
import { openEngine } from '../runtime/engine.ts';
import { trainingForm } from '../runtime/training-form.ts';
import { exportModel } from './export-model.ts';
import { initialParameters, initialStatistics, type NormalSource } from './initialise.ts';
import { rateNames, reportName, type StateName, stepGraph } from './step-graph.ts';
import { flattenState, nameState, type TrainerState } from './trainer-state.ts';

export interface TrainerOptions {
  readonly network: Network;
  readonly batchSize: number;
  readonly height: number;
  readonly width: number;
  readonly loss: SegmentationLossOptions;
  readonly optimiser: AdamOptions;
  /** Decay of the moving average of weights; 0 switches it off. */
  readonly weightAverageDecay: number;
  /** Where the first weights come from. */
  readonly random: NormalSource;
  /** Share of each class among the pixels: the head starts by predicting these. */
  readonly classPriors?: readonly number[];
  /**
   * 'fast' (default): convolutions in the CPU layout of this machine, an eighth less time per step.
   * 'plain': standard ONNX operators only. Results differ by rounding.
   */
  readonly kernels?: 'fast' | 'plain';
  /** Execution provider (default 'cpu'): see `SessionOptions` of `runtime/backend`. */
  readonly provider?: string;
  /** Threads that compute (default: as many as the process may use). */
  readonly threads?: number;
  /** What is pending then rejects at once with the signal's reason; the thread ends after the run it is in. */
  readonly signal?: AbortSignal;
  /** Prefix of a file for ONNX Runtime's profile, written by `close`. */
  readonly profile?: string;
}

export interface Batch {
  /** [N, C, H, W]; its buffer moves to the engine and is empty afterwards. */
  readonly images: Float32Array;
  /** Classes [N, H, W]; its buffer moves too. A value that is no class is ignored by the loss. */
  readonly targets: Uint8Array;
  readonly learningRate: number;
}

export interface StepReport {
  readonly loss: number;
  readonly crossEntropy: number;
  /** Euclidean norm of the whole gradient. */
  readonly gradientNorm: number;
  /** Soft Dice of every class over this batch, before the step. */
  readonly dice: readonly number[];
}

export interface ExportOptions {
  /** Export the moving average of weights rather than the last weights. */
  readonly averaged: boolean;
  readonly metadata: Readonly<Record<string, string>>;
}

/** A network in training. Calls are answered in the order in which they are made. */
export interface Trainer {
  /** Steps done. */
  readonly steps: number;
  readonly parameterCount: number;
  /** Which providers and how many threads run it. */
  readonly engine: EngineReport;
  /**
   * One step of the optimiser. Throws a `NetworkError`: 'shape-mismatch', 'value-invalid', or 'not-finite' when an
   * image or the loss is NaN or infinite; the weights then stay as they were before the step.
   */
  step(batch: Batch): Promise<StepReport>;
  /** All numbers, copied. */
  snapshot(): Promise<TrainerState>;
  /** Takes over a snapshot bit by bit; throws a `NetworkError` ('state-mismatch') when it is of another network. */
  restore(state: TrainerState): Promise<void>;
  /** An ONNX model for `createPredictor`: input `image`, output `probabilities`. */
  exportModel(options: ExportOptions): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** Builds the training graph and opens it in a worker thread. */
export async function createTrainer(options: TrainerOptions): Promise<Trainer> {
  const { network, batchSize, height, width, optimiser, weightAverageDecay } = options;
  const averaging = weightAverageDecay > 0;
  const graph = stepGraph({ ...options, averaging });
  const { layout } = graph;
  const imageShape = [batchSize, network.inputChannels, height, width];
  const targetShape = [batchSize, height, width];

  const parameters = initialParameters(layout, options.random);
  if (options.classPriors) setHeadBias(parameters, options.classPriors, network, layout);
  const statistics = initialStatistics(layout);
  const initial: Record<StateName, Float32Array> = {
    parameters,
    firstMoment: new Float32Array(layout.parameterCount),
    secondMoment: new Float32Array(layout.parameterCount),
    statistics,
    averageParameters: parameters,
    averageStatistics: statistics,
  };
  const stateNames = Object.keys(graph.state) as StateName[];
  const form = await trainingForm(options.provider, options.kernels);
  const model = writeModel({ name: network.name, outputs: graph.outputs, ...form });
  const engine = await openEngine(model, {
    ...options,
    guard: reportName,
    state: Object.fromEntries(stateNames.map((name) => [name, initial[name].slice()])),
  });
  let steps = 0;
  /** Steps in the queue are counted at once, so that each one knows its number. */
  let begun = 0;

  const check = ({ images, targets, learningRate }: Batch): void => {
    const sizes = [images.length, targets.length];
    const expected = [imageShape, targetShape].map((shape) => shape.reduce((a, b) => a * b));
    if (sizes[0] !== expected[0] || sizes[1] !== expected[1]) {
      throw new NetworkError(
        'shape-mismatch',
        `step ${begun + 1}: expected images ${formatShape(imageShape)} (${expected[0]} numbers) and targets ${formatShape(targetShape)} (${expected[1]}), found ${sizes[0]} and ${sizes[1]} numbers`,
      );
    }
    if (!(learningRate >= 0 && Number.isFinite(learningRate))) {
      throw new NetworkError('value-invalid', `step ${begun + 1}: the learning rate is ${learningRate}`);
    }
    const bad = images.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) {
      throw new NetworkError(
        'not-finite',
        `step ${begun + 1}: the images hold ${images[bad]} at offset ${bad}`,
      );
    }
  };

  return {
    get steps() {
      return steps;
    },
    parameterCount: layout.parameterCount,
    engine: engine.report,
    step: async (batch) => {
      check(batch);
      const number = ++begun;
      const rates: Record<(typeof rateNames)[number], number> = {
        ...adamRates(optimiser, batch.learningRate, number),
        // While there are few steps to average, the average follows faster (as in TensorFlow's moving average).
        averageKeep: 1 - Math.min(weightAverageDecay, (1 + number) / (10 + number)),
      };
      const used = rateNames.filter((name) => isUsed(name, optimiser, averaging, layout.decayCount));
      const outputs = await engine.send(
        {
          kind: 'run',
          feeds: {
            image: { data: batch.images, dims: imageShape },
            targets: { data: batch.targets, dims: targetShape },
            ...Object.fromEntries(
              used.map((name) => [name, { data: Float32Array.of(rates[name]), dims: [] }]),
            ),
          },
        },
        [batch.images.buffer as ArrayBuffer, batch.targets.buffer as ArrayBuffer],
      );
      const report = outputs[reportName]!.data;
      const [loss, crossEntropy, gradientNorm, ...dice] = report as unknown as Iterable<number>;
      if (!report.every(Number.isFinite)) {
        begun--;
        throw new NetworkError(
          'not-finite',
          `step ${number}: the loss is ${loss}, the norm of the gradient ${gradientNorm}; the weights were left as they were. Lower the learning rate.`,
        );
      }
      steps = number;
      return { loss: loss!, crossEntropy: crossEntropy!, gradientNorm: gradientNorm!, dice };
    },
    snapshot: async () => {
      const flat = await engine.send({ kind: 'read-state' });
      return { network: network.name, step: steps, arrays: nameState(flat, layout) };
    },
    restore: async (state) => {
      const flat = flattenState(state, graph.state, layout, network.name);
      await engine.send({ kind: 'write-state', state: flat });
      steps = state.step;
      begun = state.step;
    },
    exportModel: async ({ averaged, metadata }) => {
      const flat = await engine.send({ kind: 'read-state' });
      const useAverage = averaged && averaging;
      return exportModel(
        network,
        layout,
        flat[useAverage ? 'averageParameters' : 'parameters']!,
        flat[useAverage ? 'averageStatistics' : 'statistics'] ?? statistics,
        metadata,
      );
    },
    close: () => engine.close(),
  };
}

/** Rates that the graph has as inputs: what a switched-off part would need is not there. */
function isUsed(
  name: (typeof rateNames)[number],
  optimiser: AdamOptions,
  averaging: boolean,
  decayCount: number,
): boolean {
  if (name === 'shrink') return optimiser.weightDecay !== 0 && decayCount > 0;
  return name !== 'averageKeep' || averaging;
}

function setHeadBias(
  parameters: Float32Array,
  priors: readonly number[],
  network: Network,
  { parameters: places }: ReturnType<typeof stepGraph>['layout'],
): void {
  const head = places.find(({ name }) => name === network.headBias);
  if (head === undefined || head.size !== priors.length || priors.some((share) => !(share > 0))) {
    throw new NetworkError(
      'value-invalid',
      `classPriors: expected ${network.classes} positive shares, found [${priors.join(', ')}]`,
    );
  }
  parameters.set(priors.map(Math.log), head.offset);
}
