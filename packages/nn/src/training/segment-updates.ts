import { writeModel } from '../onnx/write-model.ts';
import type { UpdateCall } from '../runtime/messages.ts';
import type { NetworkLayout, Segment } from './layout.ts';
import { segmentVector } from './state-vectors.ts';
import type { StepTime } from './step-numbers.ts';
import { accumulationGraph, type UpdateGraph, type UpdateGraphOptions, updateGraph } from './update-graph.ts';

/** What follows the run of a micro-batch. */
export interface SegmentUpdates {
  /** By name. */
  readonly graphs: ReadonlyMap<string, UpdateGraph>;
  /** The calls for every segment at a time. */
  calls(time: StepTime): UpdateCall[];
  /** Vectors that start anew after them. */
  cleared(time: StepTime): string[];
}

const accumulation = 'accumulation';

/** The updates of all segments: one graph for each weight decay. */
export function segmentUpdates(options: UpdateGraphOptions, { segments }: NetworkLayout): SegmentUpdates {
  const nameOf = ({ weightDecay }: Segment) => `update with decay ${weightDecay}`;
  const graphs = new Map(
    segments.map((segment) => [nameOf(segment), updateGraph(options, segment.weightDecay)]),
  );
  const accumulating = options.microBatches > 1;
  if (accumulating) graphs.set(accumulation, accumulationGraph());
  return {
    graphs,
    calls: (time) =>
      segments.map((segment, i) => {
        const model = time.isLast ? nameOf(segment) : accumulation;
        const { kinds, numbers, carried } = graphs.get(model)!;
        return {
          model,
          vectors: Object.fromEntries(kinds.map((kind) => [kind, segmentVector(kind, i)])),
          numbers: Object.fromEntries(
            numbers.map(({ name, compute }) => [name, compute(time, segment)] as const),
          ),
          carried,
        };
      }),
    cleared: ({ isLast }) =>
      isLast && accumulating ? segments.map((_, i) => segmentVector('gradientSum', i)) : [],
  };
}

/** The model of an update, for vectors of any length. */
export function updateModel(name: string, { outputs }: UpdateGraph): Uint8Array {
  return writeModel({ name, outputs, openAxes: ['length'] });
}
