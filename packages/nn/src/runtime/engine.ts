import { startThread } from '#engine-thread';
import { NetworkError } from '../errors/network-error.ts';
import { checkOptions, checkValue, type Rules } from '../options/check-options.ts';
import { anything, aSignal, bytes, count, flag, optional, text } from '../options/rules.ts';
import type { EngineReport, SessionOptions } from './backend.ts';
import { engineError } from './engine-error.ts';
import type { EngineRequest, EngineResult, EngineResults, EngineState, OpenRequest } from './messages.ts';

export interface EngineOptions extends Partial<SessionOptions> {
  /** What it keeps between runs. Each vector has a buffer of its own; they move, and are empty afterwards. */
  readonly kept?: Partial<EngineState>;
  /** What is pending then rejects at once with the signal's reason; in Node the thread ends after the run it is in. */
  readonly signal?: AbortSignal;
}

const rules: Rules<EngineOptions> = {
  provider: optional(text),
  threads: optional(count),
  memoryPattern: optional(flag),
  profile: optional(text),
  signal: optional(aSignal),
  placed: optional(flag),
  kept: anything,
};

/** A session of ONNX Runtime in a thread of its own: a worker thread in Node, a Web Worker in a browser. */
export interface Engine {
  readonly report: EngineReport;
  /**
   * Sends a request; the buffers in `transfer` move to the worker and are empty afterwards. Rejects with a
   * `NetworkError` ('type-mismatch') where they cannot move.
   */
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

/**
 * Opens `model` (ONNX bytes; copied) in a thread of its own. Rejects with a `NetworkError`: 'engine-failed' when
 * ONNX Runtime refuses the model, 'provider-unavailable', 'out-of-memory', 'value-invalid' (threads).
 */
export async function openEngine(model: Uint8Array, options: EngineOptions = {}): Promise<Engine> {
  checkValue('openEngine: model', model, bytes);
  checkOptions('openEngine', options, rules);
  const { signal, kept = {}, provider = 'cpu', memoryPattern = false, threads, profile } = options;
  signal?.throwIfAborted();
  const pending = new Map<number, Pending>();
  let counter = 0;
  let ended: { readonly reason: unknown } | undefined;
  let hasExited = (): void => {};
  const exited = new Promise<void>((resolve) => {
    hasExited = resolve;
  });

  const fail = (reason: unknown): void => {
    if (ended !== undefined) return;
    ended = { reason };
    signal?.removeEventListener('abort', abort);
    for (const { reject } of pending.values()) reject(reason);
    pending.clear();
  };
  const thread = startThread({
    reply: (reply) => {
      const waiting = pending.get(reply.id);
      pending.delete(reply.id);
      // An idle engine does not keep the process alive.
      if (pending.size === 0 && ended === undefined) thread.awaits(false);
      if (waiting === undefined) return;
      if ('error' in reply) waiting.reject(new NetworkError(reply.error.code, reply.error.message));
      else waiting.resolve(reply.result);
    },
    failed: (cause) => fail(engineError(cause, provider)),
    ended: () => {
      fail(new NetworkError('closed', "the engine's thread has ended"));
      hasExited();
    },
  });
  const end = (reason: unknown): void => {
    if (ended !== undefined) return;
    fail(reason);
    thread.end();
  };
  const abort = (): void => end(signal!.reason);
  signal?.addEventListener('abort', abort, { once: true });

  const send: Engine['send'] = (request, transfer = []) =>
    new Promise((resolve, reject) => {
      if (ended !== undefined) {
        reject(ended.reason);
        return;
      }
      const id = counter++;
      try {
        thread.post({ id, request }, transfer);
      } catch (cause) {
        const message = `These buffers cannot move to the engine's thread: ${(cause as Error).message}. Give each array a whole ArrayBuffer of its own.`;
        reject(new NetworkError('type-mismatch', message, { cause }));
        return;
      }
      thread.awaits(true);
      pending.set(id, { resolve: resolve as Pending['resolve'], reject });
    });
  const close = async (): Promise<void> => {
    end(new NetworkError('closed', 'the engine was closed'));
    await exited;
  };
  try {
    const session: SessionOptions = {
      provider,
      memoryPattern,
      ...(threads !== undefined && { threads }),
      ...(profile !== undefined && { profile }),
    };
    const request: OpenRequest = { kind: 'open', model, options: session, ...kept };
    const buffers = Object.values(kept.state ?? {}).map((vector) => vector.buffer as ArrayBuffer);
    return { report: await send(request, buffers), send, close };
  } catch (error) {
    // After an abort the thread is ending already, and nobody wants to wait for it.
    if (signal?.aborted !== true) await close();
    throw error;
  }
}
