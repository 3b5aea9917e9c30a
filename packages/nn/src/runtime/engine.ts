import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { NetworkError } from '../errors/network-error.ts';
import type {
  EngineReply,
  EngineRequest,
  EngineResult,
  EngineResults,
  NumberedRequest,
  OpenRequest,
} from './messages.ts';

export interface EngineOptions {
  /** Threads that compute (default: as many as the process may use). */
  readonly threads?: number;
  readonly state?: OpenRequest['state'];
  readonly guard?: string;
  readonly profile?: string;
  /** Ends the engine at once: what is pending rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** A session of ONNX Runtime in a worker thread. */
export interface Engine {
  /** Sends a request; the buffers in `transfer` move to the worker and are empty afterwards. */
  send<K extends EngineRequest['kind']>(
    request: Extract<EngineRequest, { kind: K }>,
    transfer?: readonly ArrayBuffer[],
  ): Promise<EngineResults[K]>;
  /** Ends the worker; what is pending rejects. */
  close(): Promise<void>;
}

interface Pending {
  readonly resolve: (result: EngineResult) => void;
  readonly reject: (reason: unknown) => void;
}

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
  const worker = new Worker(workerUrl());
  const pending = new Map<number, Pending>();
  let counter = 0;
  let ended: { readonly reason: unknown } | undefined;

  const end = (reason: unknown): void => {
    if (ended !== undefined) return;
    ended = { reason };
    signal?.removeEventListener('abort', abort);
    for (const { reject } of pending.values()) reject(reason);
    pending.clear();
  };
  const abort = (): void => {
    end(signal!.reason);
    void worker.terminate();
  };
  signal?.addEventListener('abort', abort, { once: true });
  worker.on('message', (reply: EngineReply) => {
    const waiting = pending.get(reply.id);
    pending.delete(reply.id);
    if (pending.size === 0) worker.unref();
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
        const id = counter++;
        pending.set(id, { resolve: resolve as Pending['resolve'], reject });
        // An idle engine does not keep the process alive.
        worker.ref();
        worker.postMessage({ id, request } satisfies NumberedRequest, transfer);
      }),
    close: async () => {
      if (ended === undefined && profile !== undefined) await engine.send({ kind: 'close' });
      end(new NetworkError('closed', 'the engine was closed'));
      await worker.terminate();
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
