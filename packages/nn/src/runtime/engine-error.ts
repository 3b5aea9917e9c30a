import { NetworkError, type NetworkErrorCode } from '../errors/network-error.ts';

/**
 * Words that ONNX Runtime, its WebAssembly build (sizes beyond 32 bits overflow there) and JavaScript engines use
 * when memory runs out.
 */
const outOfMemory = new RegExp(
  [
    'failed to allocate|allocation (failed|size)|bad[_ ]alloc|out of memory|\\boom\\b',
    'SafeIntOnOverflow|tensor shape is too large',
    'exceeds the supported range|invalid (typed )?array length',
  ].join('|'),
  'i',
);

/** Words of providers that cannot start: no adapter, no driver, no library. */
const noProvider = /webgpu adapter|failed to load shared library|backend not found/i;

/** Whatever the engine threw, as a `NetworkError`; those of our own stay as they are. */
export function engineError(cause: unknown, provider: string): NetworkError {
  if (cause instanceof NetworkError) return cause;
  const message = cause instanceof Error ? cause.message.trim() : String(cause);
  const typed = (code: NetworkErrorCode, text: string) => new NetworkError(code, text, { cause });
  if (outOfMemory.test(message)) {
    const bytes = /requested buffer of size (\d+)/.exec(message)?.[1];
    const size = bytes === undefined ? '' : ` for a buffer of ${(Number(bytes) / 1e6).toFixed(1)} MB`;
    return typed(
      'out-of-memory',
      `The engine has not enough memory${size}. Take smaller batches or images, or a smaller network. (${message})`,
    );
  }
  if (noProvider.test(message)) {
    return typed(
      'provider-unavailable',
      `The execution provider '${provider}' cannot start here. Install the driver or library that it needs, or use 'cpu'. (${message})`,
    );
  }
  return typed('engine-failed', message);
}
