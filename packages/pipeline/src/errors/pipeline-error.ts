import { type Explanation, explain } from '@glisson/imaging/errors/imaging-error';

/** What kind of problem a `PipelineError` reports; stable, for programs to switch on. */
export type PipelineErrorCode =
  | 'plan-invalid'
  | 'plan-version'
  | 'data-invalid'
  | 'split-impossible'
  | 'folds-invalid'
  | 'data-changed'
  | 'model-invalid'
  | 'run-invalid'
  | 'result-invalid'
  | 'training-failed'
  | 'option-invalid'
  | 'server-refused'
  | 'server-unreachable'
  | 'sweep-invalid';

/** Every error that this package throws on purpose, besides those of imaging and nn. */
export class PipelineError extends Error {
  override readonly name = 'PipelineError';
  readonly code: PipelineErrorCode;
  readonly explanation: Explanation;

  constructor(code: PipelineErrorCode, summary: string, explanation: Explanation = {}) {
    super(explain(summary, explanation), { cause: explanation.cause });
    this.code = code;
    this.explanation = explanation;
  }
}
