import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { NetworkError } from '../errors/network-error.ts';
import {
  busyFlag,
  type EngineReply,
  type EngineRequest,
  type EngineResult,
  type EngineResults,
  type EngineWorkerData,
  type NumberedRequest,
  type OpenRequest,
  stopFlag,
} from './messages.ts';

export interface EngineOptions {
  /** Threads that compute (default: as many as the process may use). */
  readonly threads?: number;
  readonly state?: OpenRequest['state'];
  readonly guard?: string;
  readonly profile?: string;
  /** What is pending then rejects at once with the signal's reason; the thread ends after the run it is in. */
  readonly signal?: AbortSignal;
}

/** A session of ONNX Runtime in a worker thread. */
export interface Engine {
  /** Sends a request; the buffers in `transfer` move to the worker and are empty afterwards. */
  send<K extends EngineRequest['kind']>(
    request: Extract<EngineRequest, { kind: K }>,
    transfer?: readonly ArrayBuffer[],
  ): Promise<EngineResults[K]>;
  /** What is pending rejects at once; resolves when the thread has ended, which takes one run at most. */
  close(): Promise<void>;
}

interface Pending {
  readonly resolve: (result: EngineResult) => void;
  readonly reject: (reason: unknown) => void;
}

/** How long an exiting process waits for a run to end, in ms. */
const longestRun = 60_000;

/** Workers need built JavaScript, also when a test runs this file from its source. */
function workerUrl(): URL {
  const here = import.meta.url;
  const built = here.endsWith('.ts')
    ? here.replace(/\/src\/(?!.*\/src\/)/, '/dist/').replace(/\.ts$/, '.js')
    : here;
  return new URL('./engine-worker.js', built);
}

/**
 * Opens `model` (ONNX bytes; copied) in a worker thread. Rejects with a `NetworkError` ('engine-failed') when
 * ONNX Runtime refuses the model.
 */
export async function openEngine(model: Uint8Array, options: EngineOptions = {}): Promise<Engine> {
  const { threads = availableParallelism(), signal, state = {}, guard, profile } = options;
  signal?.throwIfAborted();
  const flags = new Int32Array(new SharedArrayBuffer(8));
  const worker = new Worker(workerUrl(), {
    workerData: { flags } satisfies EngineWorkerData,
    // The caller's flags (--eval, loaders) are not for this thread.
    execArgv: [],
  });
  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  const waitAtExit = (): void => {
    Atomics.store(flags, stopFlag, 1);
    Atomics.wait(flags, busyFlag, 1, longestRun);
  };
  // Node ends threads when the process exits, and that would abort the process within a run: see `end`.
  process.once('exit', waitAtExit);
  void exited.then(() => process.off('exit', waitAtExit));
  const pending = new Map<number, Pending>();
  let counter = 0;
  let ended: { readonly reason: unknown } | undefined;

  const post = (request: EngineRequest, transfer: readonly ArrayBuffer[] = []): number => {
    const id = counter++;
    worker.postMessage({ id, request } satisfies NumberedRequest, transfer);
    return id;
  };
  /** Rejects what is pending and lets the thread end by itself. */
  const end = (reason: unknown): void => {
    if (ended !== undefined) return;
    ended = { reason };
    signal?.removeEventListener('abort', abort);
    // Not worker.terminate(): ONNX Runtime's binding brings the whole process down when its thread is ended
    // within a run. The thread drops what is queued and ends after the run it is in.
    Atomics.store(flags, stopFlag, 1);
    worker.ref();
    post({ kind: 'close' });
    for (const { reject } of pending.values()) reject(reason);
    pending.clear();
  };
  const abort = (): void => end(signal!.reason);
  signal?.addEventListener('abort', abort, { once: true });
  worker.on('message', (reply: EngineReply) => {
    const waiting = pending.get(reply.id);
    pending.delete(reply.id);
    // An idle engine does not keep the process alive.
    if (pending.size === 0 && ended === undefined) worker.unref();
    if (waiting === undefined) return;
    if ('error' in reply) waiting.reject(new NetworkError(reply.error.code, reply.error.message));
    else waiting.resolve(reply.result);
  });
  worker.on('error', (cause) =>
    end(new NetworkError('engine-failed', `the engine's thread failed: ${cause}`, { cause })),
  );
  worker.on('exit', (code) =>
    end(new NetworkError('closed', `the engine's thread has ended (exit code ${code})`)),
  );

  const engine: Engine = {
    send: (request, transfer = []) =>
      new Promise((resolve, reject) => {
        if (ended !== undefined) {
          reject(ended.reason);
          return;
        }
        worker.ref();
        const id = post(request, transfer);
        pending.set(id, { resolve: resolve as Pending['resolve'], reject });
      }),
    close: async () => {
      end(new NetworkError('closed', 'the engine was closed'));
      await exited;
    },
  };
  try {
    await engine.send({
      kind: 'open',
      model,
      threads,
      state,
      ...(guard !== undefined && { guard }),
      ...(profile !== undefined && { profile }),
    });
  } catch (error) {
    await engine.close();
    throw error;
  }
  return engine;
}
