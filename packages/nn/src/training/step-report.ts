import { NetworkError } from '../errors/network-error.ts';
import type { EngineTensor } from '../runtime/backend.ts';
import { reportName, type StepGraph } from './step-graph.ts';

export interface StepReport {
  readonly loss: number;
  /**
   * Euclidean norm of the whole gradient before clipping; of several micro-batches, that of their sum so far divided
   * by the number of all of them.
   */
  readonly gradientNorm: number;
  /** What else the loss reports, e.g. `crossEntropy` (one number) and `dice` (one for each class). */
  readonly parts: Readonly<Record<string, readonly number[]>>;
}

/**
 * Takes the report of a run apart; `where` says which one it was. Throws a `NetworkError` ('not-finite') when it holds
 * NaN or infinity: the engine has not taken the run over then.
 */
export function readReport(
  outputs: Readonly<Record<string, EngineTensor>>,
  parts: StepGraph['parts'],
  where: string,
): StepReport {
  const [loss, gradientNorm, overflow, ...rest] = outputs[reportName]!.data as unknown as Iterable<number>;
  let start = 0;
  const found = Object.fromEntries(
    parts.map(({ name, size }) => {
      start += size;
      return [name, rest.slice(start - size, start)];
    }),
  );
  const names = [
    'the loss',
    'the norm of the gradient',
    'the check of running statistics',
    ...Object.keys(found),
  ];
  const values = [loss!, gradientNorm!, overflow!, ...Object.values(found)];
  if (!values.flat().every(Number.isFinite)) {
    const shown = values.map((value, i) => `${names[i]} ${[value].flat().join(' ')}`);
    throw new NetworkError(
      'not-finite',
      `${where}: found ${shown.join(', ')}, expected finite numbers; the weights were left as they were. Look at the batch, or lower the learning rate.`,
    );
  }
  return { loss: loss!, gradientNorm: gradientNorm!, parts: found };
}
