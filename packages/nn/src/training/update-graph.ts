import { NetworkError } from '../errors/network-error.ts';
import {
  type InputAttributes,
  input,
  inputOperator,
  type Tensor,
  topologicalOrder,
} from '../graph/tensor.ts';
import { add, mul } from '../operators/elementwise.ts';
import { averageShare, movingAverage } from '../optimisers/moving-average.ts';
import { nextPrefix } from '../runtime/engine-memory.ts';
import type { Segment } from './layout.ts';
import type { KeptState } from './state-vectors.ts';
import { gradientKind, isScaled, scaleName } from './step-graph.ts';
import type { StepTime } from './step-numbers.ts';

/** How a segment's vectors change after a run: elementwise and in place, for vectors of any one length. */
export interface UpdateGraph {
  /** `next.KIND` for every kind of vector that changes. */
  readonly outputs: Readonly<Record<string, Tensor>>;
  /** The kinds of vectors that it takes. */
  readonly kinds: readonly string[];
  /** Scalar inputs, computed in float64 for every step and segment. */
  readonly numbers: readonly {
    readonly name: string;
    readonly compute: (time: StepTime, segment: Segment) => number;
  }[];
  /** Outputs of the step's graph that it takes. */
  readonly carried: readonly string[];
}

export interface UpdateGraphOptions extends KeptState {
  readonly clipNorm?: number;
}

/** Stands for any length while the graph is built. */
const anyLength = 2;

const vectorOf = (kind: string): Tensor => input(kind, [anyLength]);

/** The optimiser's step and the moving average of a segment of weight decay `weightDecay`, with the whole gradient. */
export function updateGraph(options: UpdateGraphOptions, weightDecay: number): UpdateGraph {
  const { optimiser, averageDecay, microBatches } = options;
  const numbers: UpdateGraph['numbers'][number][] = [];
  const declare = (compute: (time: StepTime, segment: Segment) => number): Tensor => {
    const name = `number/${numbers.length}`;
    numbers.push({ name, compute });
    return input(name, []);
  };
  const ofBatch = vectorOf(gradientKind);
  const sum = microBatches > 1 ? add(vectorOf('gradientSum'), ofBatch) : ofBatch;
  const update = optimiser.update({
    parameters: vectorOf('parameters'),
    gradient: isScaled(options) ? mul(sum, input(scaleName, [])) : sum,
    memory: Object.fromEntries(optimiser.memory.map((kind) => [kind, vectorOf(kind)])),
    weightDecay,
    rate: (compute) =>
      declare(({ learningRate, step }, segment) =>
        compute({ learningRate: learningRate * segment.learningRate, step: step - segment.since }),
      ),
  });
  const average = () =>
    movingAverage(
      vectorOf('averageParameters'),
      update.parameters,
      declare(({ step }) => averageShare(averageDecay, step)),
    );
  return inPlace(
    {
      parameters: update.parameters,
      ...update.memory,
      ...(averageDecay > 0 && { averageParameters: average() }),
    },
    numbers,
  );
}

/** What happens to a segment after a micro-batch that is not the last one. */
export function accumulationGraph(): UpdateGraph {
  return inPlace({ gradientSum: add(vectorOf('gradientSum'), vectorOf(gradientKind)) }, []);
}

/**
 * A graph whose outputs may lie where its inputs do. Throws a `NetworkError` ('unsupported') where something that reads a
 * vector might come after the vector is overwritten.
 */
export function inPlace(
  next: Readonly<Record<string, Tensor>>,
  numbers: UpdateGraph['numbers'],
): UpdateGraph {
  const order = topologicalOrder(Object.values(next));
  const inputs = order.filter(({ operator }) => operator.name === inputOperator.name);
  const nameOf = (tensor: Tensor) => (tensor.attributes as InputAttributes).name;
  for (const [kind, result] of Object.entries(next)) {
    const before = new Set(topologicalOrder([result]));
    const readers = order.filter(({ inputs: sources }) =>
      sources.some((source) => inputs.includes(source) && nameOf(source) === kind),
    );
    if (!readers.every((reader) => before.has(reader))) {
      throw new NetworkError(
        'unsupported',
        `The update of '${kind}' cannot be made in place: not all that reads it leads to its new value.`,
      );
    }
  }
  const vectors = inputs.filter(({ shape }) => shape.length > 0);
  return {
    outputs: Object.fromEntries(Object.entries(next).map(([kind, value]) => [nextPrefix + kind, value])),
    kinds: [...new Set(vectors.map(nameOf))],
    numbers,
    carried: inputs.map(nameOf).filter((name) => name === scaleName),
  };
}
