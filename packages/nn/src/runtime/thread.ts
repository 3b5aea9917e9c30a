import type { EngineReply, NumberedRequest } from './messages.ts';

/** What a thread tells its owner. */
export interface ThreadListener {
  reply(reply: EngineReply): void;
  /** The thread is broken: nothing will be answered any more. */
  failed(cause: unknown): void;
  ended(): void;
}

/**
 * The owner's end of an engine's thread. `#engine-thread` (package.json, "imports") is the one of the platform: a
 * worker thread of Node or a Web Worker.
 */
export interface EngineThread {
  /** Buffers in `transfer` move to the thread and are empty afterwards. */
  post(request: NumberedRequest, transfer: readonly ArrayBuffer[]): void;
  /** Whether an answer is awaited: only then does the thread keep its process alive. */
  awaits(waiting: boolean): void;
  /** Ends the thread as soon as the platform can; requests in the queue are dropped. */
  end(): void;
}

export type StartThread = (listener: ThreadListener) => EngineThread;
