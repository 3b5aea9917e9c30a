import { type Explanation, explain } from '@glisson/imaging/errors/imaging-error';
import { PipelineError } from '../../errors/pipeline-error.ts';

/** An error of a sweep's file. */
export function sweepError(summary: string, explanation: Explanation): PipelineError {
  return new PipelineError('sweep-invalid', summary, explanation);
}

/** What an error says before it explains itself. */
export function summaryOf({ message, explanation }: PipelineError): string {
  const tail = explain('', explanation);
  return tail !== '' && message.endsWith(tail) ? message.slice(0, -tail.length) : message;
}

/** The same fault, told as one of a sweep: `where` says in which of its entries. */
export function asSweepError(error: unknown, where: string): unknown {
  if (!(error instanceof PipelineError)) return error;
  return sweepError(summaryOf(error), { ...error.explanation, where, cause: error });
}
