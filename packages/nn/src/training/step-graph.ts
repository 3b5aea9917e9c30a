import { gradients } from '../autodiff/gradients.ts';
import { NetworkError } from '../errors/network-error.ts';
import { formatShape, type Shape, sizeOf } from '../graph/shape.ts';
import { input, scalar, type Tensor } from '../graph/tensor.ts';
import { scopeOf } from '../layers/scope.ts';
import type { Network } from '../models/network.ts';
import { add, greater, mul, where } from '../operators/elementwise.ts';
import { concat, reshape } from '../operators/layout.ts';
import { reduceSum } from '../operators/reduce.ts';
import { clipFactor, globalNorm } from '../optimisers/clip-norm.ts';
import { averageShare, movingAverage } from '../optimisers/moving-average.ts';
import { nextPrefix } from '../runtime/engine-memory.ts';
import type { VectorPart } from '../runtime/messages.ts';
import type { MaskInput } from './dropout-masks.ts';
import type { NetworkLayout } from './layout.ts';
import type { TargetType, TrainingLoss } from './loss.ts';
import { trainingScope } from './scopes/training-scope.ts';
import { type KeptState, segmentVector } from './state-vectors.ts';
import { type StepNumber, stepNumbers } from './step-numbers.ts';
import type { Weights } from './weights.ts';

export interface StepGraphOptions extends KeptState {
  readonly network: Network;
  /** [N, C, ...S] of a micro-batch. */
  readonly imageShape: Shape;
  readonly loss: TrainingLoss;
  /** Limit of the norm of the whole gradient. */
  readonly clipNorm?: number;
}

export interface StepGraph {
  readonly targets: TargetType;
  readonly numbers: readonly StepNumber[];
  readonly masks: readonly MaskInput[];
  /** What else the loss reports, in order. */
  readonly parts: readonly { readonly name: string; readonly size: number }[];
  /** Inputs that are parts of state vectors, and outputs that are parts of the segments' gradients. */
  readonly inputs: readonly VectorPart[];
  readonly gradients: readonly VectorPart[];
  /**
   * The gradients, `next.*` of the running statistics and their average, what the updates need (see `scaleName`), and
   * `report`: the loss, the norm of the gradient, a number that is 0 when the running statistics are finite and NaN when
   * they are not, and the parts.
   */
  readonly outputs: Readonly<Record<string, Tensor>>;
  /** For tests. */
  readonly loss: Tensor;
}

/** Name of the output with the numbers of a step. */
export const reportName = 'report';

/** Name of the output that gradients are multiplied by before the update, where they are clipped or a mean of several. */
export const scaleName = 'scale';

/** Kind of the vectors that hold a segment's gradient between a run and its updates. */
export const gradientKind = 'gradient';

/** Whether the updates multiply gradients by the output `scaleName`. */
export function isScaled({
  clipNorm,
  microBatches,
}: Pick<StepGraphOptions, 'clipNorm' | 'microBatches'>): boolean {
  return clipNorm !== undefined || microBatches > 1;
}

/**
 * Forward pass and gradients as one graph. Inputs: `image` float32, `targets`, the trained parameters, the running
 * statistics, the step's numbers, the masks of dropout. What is frozen is constant, and nothing is differentiated before
 * the first layer that is trained. Running statistics follow every micro-batch.
 */
export function stepGraph(options: StepGraphOptions, layout: NetworkLayout, frozen: Weights): StepGraph {
  const { network, imageShape, averageDecay, microBatches } = options;
  const partsOf = (kind: string): VectorPart[] =>
    layout.segments.flatMap(({ parameters }, i) =>
      parameters.map(({ name, offset, shape }) => ({
        name: `${kind}/${name}`,
        vector: segmentVector(kind, i),
        offset,
        dims: shape,
      })),
    );
  const fed: VectorPart[] = [];
  const feed = (part: VectorPart): Tensor => {
    fed.push(part);
    return input(part.name, part.dims);
  };
  const parameters = partsOf('parameters').map(feed);
  const names = layout.segments.flatMap((segment) => segment.parameters.map(({ name }) => name));

  const scope = trainingScope(layout, new Map(names.map((name, i) => [name, parameters[i]!])), frozen);
  const logits = network.forward(scopeOf(scope), input('image', imageShape));
  if (logits.shape[1] !== network.classes) {
    throw new NetworkError(
      'shape-mismatch',
      `${network.name}: expected ${network.classes} classes of logits, found ${formatShape(logits.shape)}`,
    );
  }
  const targets = options.loss.targets(logits.shape);
  const { loss, parts } = options.loss.build(logits, input('targets', targets.shape, targets.type));
  const ofBatch = gradients(loss, parameters);

  const numbers = stepNumbers();
  const share = scalar(1 / microBatches);
  const sums =
    microBatches > 1 ? partsOf('gradientSum').map((part, i) => add(feed(part), ofBatch[i]!)) : ofBatch;
  const norm = microBatches > 1 ? mul(globalNorm(sums), share) : globalNorm(sums);
  const clip = options.clipNorm === undefined ? scalar(1) : clipFactor(norm, options.clipNorm);

  const next: Record<string, Tensor> = {};
  if (layout.statisticCount > 0) {
    const whole = (name: string): Tensor =>
      feed({ name, vector: name, offset: 0, dims: [layout.statisticCount] });
    const statistics = scope.nextStatistics(whole('statistics'));
    next.statistics = statistics;
    if (averageDecay > 0) {
      const former = whole('averageStatistics');
      const average = movingAverage(
        former,
        statistics,
        numbers.declare(({ step }) => averageShare(averageDecay, step)),
      );
      const isLast = () =>
        greater(
          numbers.declare((time) => (time.isLast ? 1 : 0)),
          scalar(0.5),
        );
      next.averageStatistics = microBatches > 1 ? where(isLast(), average, former) : average;
    }
  }

  // Images of finite numbers whose variance is infinite give a finite loss, but statistics that spoil every model.
  const overflow = next.statistics ? reduceSum(mul(next.statistics, scalar(0))) : scalar(0);
  const entries = Object.entries(parts);
  const reported = [loss, norm, overflow, ...entries.map(([, part]) => part)];
  const gradientParts = partsOf(gradientKind);
  return {
    targets,
    numbers: numbers.all,
    masks: scope.masks,
    parts: entries.map(([name, { shape }]) => ({ name, size: sizeOf(shape) })),
    inputs: fed,
    gradients: gradientParts,
    outputs: {
      [reportName]: concat(
        reported.map((value) => reshape(value, [sizeOf(value.shape)])),
        0,
      ),
      ...(isScaled(options) && { [scaleName]: mul(clip, share) }),
      ...Object.fromEntries(gradientParts.map(({ name }, i) => [name, ofBatch[i]!])),
      ...Object.fromEntries(Object.entries(next).map(([name, value]) => [nextPrefix + name, value])),
    },
    loss,
  };
}
