import { NetworkError } from '../errors/network-error.ts';
import type { Shape } from '../graph/shape.ts';
import { aNetwork, type Network } from '../models/network.ts';
import { type OptimiserOptions, optimiserOf } from '../optimisers/optimiser-of.ts';
import { checkOptions, checkValue, type Rules } from '../options/check-options.ts';
import {
  aSignal,
  belowOne,
  count,
  flag,
  objectWith,
  oneOf,
  optional,
  positive,
  text,
  wholeFromZero,
} from '../options/rules.ts';
import type { EngineReport, EngineTensor } from '../runtime/backend.ts';
import { type Batch, checkBatch } from './check-batch.ts';
import { declarationsOf } from './declarations.ts';
import { dropoutMask } from './dropout-masks.ts';
import { type ExportOptions, exportModel, exportRules } from './export-model.ts';
import { type ParameterGroup, someGroups } from './groups.ts';
import { initialRules, initialWeights, type NormalSource, untrainedState } from './initialise.ts';
import { layOutState } from './lay-out-state.ts';
import { aTrainingLoss, type TrainingLoss } from './loss.ts';
import { nameState, weightsOf } from './name-state.ts';
import { hasGraphOf, openSession, prepareSession, type SessionOptions } from './session.ts';
import { stateVectors } from './state-vectors.ts';
import { readReport, type StepReport } from './step-report.ts';
import type { TrainerState } from './trainer-state.ts';
import { anImageShape } from './training-rules.ts';
import type { Weights } from './weights.ts';

export interface TrainerOptions {
  readonly network: Network;
  /** [N, C, H, W] or [N, C, D, H, W] of a batch. */
  readonly imageShape: Shape;
  /** What is made small: see `segmentation` and `classification`. */
  readonly loss: TrainingLoss;
  readonly optimiser: OptimiserOptions;
  /** Parameters with their own learning rate or decay, or none at all; the first group that names one counts. */
  readonly groups?: readonly ParameterGroup[];
  /** Scales the whole gradient down to this Euclidean norm where it is longer. */
  readonly clipNorm?: number;
  /**
   * Batches whose mean gradient makes one step of the optimiser (default 1). Norms see each batch by itself.
   */
  readonly microBatches?: number;
  /** Decay of the moving average of weights and running statistics; 0, the default, keeps none. */
  readonly weightAverageDecay?: number;
  /** Where the first weights come from. */
  readonly random: NormalSource;
  /** Of the masks of dropout; default 0. */
  readonly seed?: number;
  /** Weights that are known already (pretrained ones, say); the others are drawn. */
  readonly initial?: Weights;
  /** Share of each class among the targets: the head starts by predicting these. */
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

const rules: Rules<TrainerOptions> = {
  network: aNetwork,
  imageShape: anImageShape,
  loss: aTrainingLoss,
  optimiser: objectWith("an object with a name, such as { name: 'adamw' }", {}),
  groups: optional(someGroups),
  clipNorm: optional(positive),
  microBatches: optional(count),
  weightAverageDecay: optional(belowOne),
  ...initialRules,
  seed: optional(wholeFromZero),
  kernels: optional(oneOf('fast', 'plain')),
  provider: optional(text),
  threads: optional(count),
  signal: optional(aSignal),
  profile: optional(text),
};

export interface TrainerStepReport extends StepReport {
  /** Whether the batch completed a step of the optimiser. */
  readonly updated: boolean;
}

/** A network in training. Calls are carried out one after the other, in the order in which they are made. */
export interface Trainer {
  /** Steps of the optimiser done. */
  readonly steps: number;
  readonly parameterCount: number;
  /** Without those that are frozen. */
  readonly trainedCount: number;
  /** Which providers and how many threads run it. */
  readonly engine: EngineReport;
  /**
   * One batch: a step of the optimiser, or a part of one where `microBatches` make a step. Throws a `NetworkError`:
   * 'shape-mismatch', 'type-mismatch', 'value-invalid', 'out-of-memory', or 'not-finite' when an image, the loss, the
   * gradient or a running statistic is NaN or infinite; everything then stays as it was before the batch. Where the
   * engine itself fails while weights change, which should not happen, it refuses everything but `restore`.
   */
  step(batch: Batch): Promise<TrainerStepReport>;
  /** All numbers, copied. */
  snapshot(): Promise<TrainerState>;
  /**
   * Takes over a snapshot bit by bit, under the groups of this trainer (see `regroup` for parameters that were frozen
   * then and are not now). Throws a `NetworkError` ('state-mismatch') when it is of another network (by its name) or
   * optimiser, or holds numbers that are not finite; everything then stays as it was.
   */
  restore(state: TrainerState): Promise<void>;
  /**
   * Goes on with other groups. What was trained keeps its moments. What was frozen starts with zero moments and its
   * own count of steps for Adam's corrections, and its average starts at its value; what becomes frozen keeps its
   * value only, not its average. Opens the engine anew, between steps only; where that fails, the trainer is closed.
   */
  regroup(groups: readonly ParameterGroup[]): Promise<void>;
  /** Parameters and running statistics by name, copied: the averaged ones where there are any and they are wanted. */
  weights(options: { readonly averaged: boolean }): Promise<Weights>;
  /** An ONNX model for `createPredictor`. */
  exportModel(options: ExportOptions & { readonly averaged: boolean }): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** Builds the training graph and opens it in a worker thread. */
export async function createTrainer(options: TrainerOptions): Promise<Trainer> {
  checkOptions('createTrainer', options, rules);
  const { network, imageShape, microBatches = 1, seed = 0 } = options;
  const setup = setupOf(options);
  const { declarations } = setup;
  let groups = options.groups ?? [];
  const untrained = untrainedState(network, declarations, initialWeights(network, declarations, options));
  let session = await openSession(setup, prepareSession(setup, groups, untrained));
  let steps = 0;
  let microBatch = 0;
  let closed = false;

  let last: Promise<unknown> = Promise.resolve();
  const inOrder = <T>(work: () => Promise<T>): Promise<T> => {
    const result = last.then(work);
    last = result.catch(() => {});
    return result;
  };

  const run = async (batch: Batch): Promise<TrainerStepReport> => {
    const { graph, updates, engine } = session;
    const step = steps + 1;
    const where =
      microBatches === 1 ? `step ${step}` : `step ${step}, batch ${microBatch + 1} of ${microBatches}`;
    checkBatch(batch, imageShape, graph.targets, where);
    const isLast = microBatch === microBatches - 1;
    const time = { learningRate: batch.learningRate, step, isLast };
    const feeds: Record<string, EngineTensor> = {
      image: { data: batch.images, dims: imageShape },
      targets: { data: batch.targets, dims: graph.targets.shape },
    };
    for (const { name, compute } of graph.numbers) {
      feeds[name] = { data: Float32Array.of(compute(time)), dims: [] };
    }
    for (const [layer, mask] of graph.masks.entries()) {
      feeds[mask.name] = { data: dropoutMask({ seed, step, microBatch }, layer, mask), dims: mask.shape };
    }
    // Images and targets may lie in one buffer.
    const buffers = new Set(Object.values(feeds).map(({ data }) => data.buffer as ArrayBuffer));
    const outputs = await engine.send(
      { kind: 'run', feeds, updates: updates.calls(time), cleared: updates.cleared(time) },
      [...buffers],
    );
    const report = readReport(outputs, graph.parts, where);
    microBatch = isLast ? 0 : microBatch + 1;
    if (isLast) steps = step;
    return { ...report, updated: isLast };
  };

  const readState = async (): Promise<TrainerState> => {
    const vectors = await session.engine.send({ kind: 'read-state' });
    const progress = { network: network.name, step: steps, microBatch };
    return nameState({ ...session, vectors }, stateVectors(session.layout, setup), declarations, progress);
  };

  const assertOpen = (): void => {
    if (closed) throw new NetworkError('closed', 'the trainer was closed');
  };

  const reopen = async (state: TrainerState, next: readonly ParameterGroup[]): Promise<void> => {
    const prepared = prepareSession(setup, next, state);
    await session.engine.close();
    assertOpen();
    session = await openSession(setup, prepared);
    if (closed) await session.engine.close();
    assertOpen();
    groups = next;
  };

  const restore = async (state: TrainerState): Promise<void> => {
    const laidOut = layOutState(state, session.treatments, setup);
    if (hasGraphOf(session, laidOut)) {
      await session.engine.send({ kind: 'write-state', state: laidOut.vectors });
    } else {
      await reopen(state, groups);
    }
    steps = state.step;
    microBatch = state.microBatch;
  };

  return {
    get steps() {
      return steps;
    },
    parameterCount: declarations.parameterCount,
    get trainedCount() {
      return session.layout.segments.reduce((sum, { size }) => sum + size, 0);
    },
    get engine() {
      return session.engine.report;
    },
    step: (batch) => inOrder(() => run(batch)),
    snapshot: () => inOrder(readState),
    restore: (state) => inOrder(() => restore(state)),
    regroup: (next) =>
      inOrder(async () => {
        checkValue('regroup: groups', next, someGroups);
        await reopen(await readState(), [...next]);
      }),
    weights: (wanted) =>
      inOrder(async () => {
        checkOptions('weights', wanted, { averaged: flag });
        return weightsOf(await readState(), declarations, wanted.averaged);
      }),
    exportModel: (wanted) =>
      inOrder(async () => {
        checkOptions('exportModel', wanted, { ...exportRules, averaged: flag });
        const { averaged, ...rest } = wanted;
        const weights = weightsOf(await readState(), declarations, averaged);
        return exportModel({ ...rest, network, weights, imageShape });
      }),
    close: () => {
      closed = true;
      return session.engine.close();
    },
  };
}

function setupOf(options: TrainerOptions): SessionOptions {
  const { network, imageShape, loss, clipNorm, microBatches = 1, weightAverageDecay = 0 } = options;
  const { kernels = 'fast', provider, threads, signal, profile } = options;
  return {
    network,
    declarations: declarationsOf(network, imageShape),
    imageShape,
    loss,
    optimiser: optimiserOf(options.optimiser),
    averageDecay: weightAverageDecay,
    microBatches,
    kernels,
    engine: { provider, threads, signal, profile },
    ...(clipNorm !== undefined && { clipNorm }),
  };
}
