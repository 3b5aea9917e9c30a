/** What kind of problem a `NetworkError` reports; stable, for programs to switch on. */
export type NetworkErrorCode =
  | 'shape-mismatch'
  | 'type-mismatch'
  | 'value-invalid'
  | 'not-differentiable'
  | 'not-finite'
  | 'damaged'
  | 'state-mismatch'
  | 'unsupported'
  | 'operator-unknown'
  | 'engine-failed'
  | 'provider-unavailable'
  | 'out-of-memory'
  | 'closed'
  | 'not-found'
  | 'download-failed'
  | 'checksum-mismatch'
  | 'already-exists';

/** Every error that this package throws on purpose. The message says what was found and what was expected. */
export class NetworkError extends Error {
  override readonly name = 'NetworkError';
  readonly code: NetworkErrorCode;

  constructor(code: NetworkErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.code = code;
  }
}
