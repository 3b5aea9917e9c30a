/** What kind of problem an `ImagingError` reports; stable, for programs to switch on. */
export type ImagingErrorCode =
  | 'not-found'
  | 'not-readable'
  | 'not-an-image'
  | 'unsupported'
  | 'damaged'
  | 'unsafe-archive'
  | 'geometry-invalid'
  | 'geometry-mismatch'
  | 'label-unknown'
  | 'value-invalid'
  | 'already-exists'
  | 'not-writable'
  | 'cancelled';

/** The parts of an explanation: what was found where, what was expected, what to do. */
export interface Explanation {
  /** File, tag, field or argument. */
  readonly where?: string;
  readonly found?: string;
  readonly expected?: string;
  readonly advice?: string;
  readonly cause?: unknown;
}

/** Joins a summary and its explanation into one readable message. */
export function explain(summary: string, parts: Explanation): string {
  const sentences = [summary];
  if (parts.where !== undefined) sentences.push(`Where: ${parts.where}.`);
  if (parts.found !== undefined) sentences.push(`Found: ${parts.found}.`);
  if (parts.expected !== undefined) sentences.push(`Expected: ${parts.expected}.`);
  if (parts.advice !== undefined) sentences.push(parts.advice);
  return sentences.join(' ');
}

/** Every error that this package throws on purpose. */
export class ImagingError extends Error {
  override readonly name = 'ImagingError';
  readonly code: ImagingErrorCode;
  readonly explanation: Explanation;

  constructor(code: ImagingErrorCode, summary: string, explanation: Explanation = {}) {
    super(explain(summary, explanation), { cause: explanation.cause });
    this.code = code;
    this.explanation = explanation;
  }
}
