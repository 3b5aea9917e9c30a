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

/** Takes the report of a run apart. Throws a `NetworkError` ('not-finite') when it holds NaN or infinity. */
export function readReport(
  outputs: Readonly<Record<string, EngineTensor>>,
  report: StepGraph['report'],
  where: string,
): StepReport {
  const numbers = Array.from(outputs[reportName]!.data);
  let start = 0;
  const parts = Object.fromEntries(
    report.map(({ name, size }) => {
      start += size;
      return [name, numbers.slice(start - size, start)];
    }),
  );
  const { loss, gradientNorm, ...others } = parts;
  if (!numbers.every(Number.isFinite)) {
    throw new NetworkError(
      'not-finite',
      `${where}: the loss is ${loss}, the norm of the gradient ${gradientNorm}; the weights were left as they were. Lower the learning rate.`,
    );
  }
  return { loss: loss![0]!, gradientNorm: gradientNorm![0]!, parts: others };
}
