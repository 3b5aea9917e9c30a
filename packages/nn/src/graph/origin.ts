import { NetworkError } from '../errors/network-error.ts';

/** Folders whose frames say how a graph is built, not who asked for it. */
const inner = /^(?:graph|operators|layers|autodiff|losses|training)\//;

/** The folder of this package's code, as stack frames write it. */
const root = new URL('..', import.meta.url).pathname;

/** Enough frames to see past operators that are built from operators. */
const deepest = 60;

/** 'unet-2d.ts:70': the innermost stack frame that asked for an operator; undefined where no stack tells. */
export function originOf(stack: string): string | undefined {
  for (const line of stack.split('\n')) {
    const frame = /([^\s()@]+?)(?:\?[^:\s]*)?:(\d+):\d+\)?$/.exec(line);
    if (frame === null || frame[1]!.startsWith('node:')) continue;
    const path = frame[1]!.replace(/^[a-z]+:\/\/[^/]*/, '');
    const isInner = path.startsWith(root) && inner.test(path.slice(root.length)) && !path.includes('.test.');
    if (!isInner) return `${path.slice(path.lastIndexOf('/') + 1)}:${frame[2]}`;
  }
  return undefined;
}

const located = new WeakSet<NetworkError>();

/** The same error with the line that built the faulty part of the graph at the end of its message, once. */
export function withOrigin(error: NetworkError): NetworkError {
  if (located.has(error)) return error;
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = deepest;
  const origin = originOf(new Error().stack ?? '');
  Error.stackTraceLimit = stackTraceLimit;
  const result = new NetworkError(
    error.code,
    origin === undefined ? error.message : `${error.message} (built at ${origin})`,
    { cause: error.cause },
  );
  located.add(result);
  return result;
}

/** Sizes that do not fit, found while a graph is built: says which, and names the line that built it. */
export function shapeError(message: string): NetworkError {
  return withOrigin(new NetworkError('shape-mismatch', message));
}
