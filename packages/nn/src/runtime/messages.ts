import type { NetworkErrorCode } from '../errors/network-error.ts';

/** A tensor on its way to or from the engine. */
export interface EngineTensor {
  readonly data: Float32Array | Uint8Array;
  readonly dims: readonly number[];
}

export interface OpenRequest {
  readonly kind: 'open';
  readonly model: Uint8Array;
  readonly threads: number;
  /** Vectors that stay in the engine: input `name` is fed from them, output `next.name` replaces them. */
  readonly state: Readonly<Record<string, Float32Array>>;
  /** The new state is taken over only when this output is finite everywhere. */
  readonly guard?: string;
  /** Write a profile of every node to a file of this prefix, when the engine closes. */
  readonly profile?: string;
}

export interface RunRequest {
  readonly kind: 'run';
  readonly feeds: Readonly<Record<string, EngineTensor>>;
}

export interface ReadStateRequest {
  readonly kind: 'read-state';
}

export interface WriteStateRequest {
  readonly kind: 'write-state';
  readonly state: Readonly<Record<string, Float32Array>>;
}

/** Releases the session and ends the thread; never answered otherwise than by the thread's end. */
export interface CloseRequest {
  readonly kind: 'close';
}

export type EngineRequest = OpenRequest | RunRequest | ReadStateRequest | WriteStateRequest | CloseRequest;

/** What each kind of request is answered with. */
export interface EngineResults {
  readonly open: null;
  readonly run: Readonly<Record<string, EngineTensor>>;
  readonly 'read-state': Readonly<Record<string, Float32Array>>;
  readonly 'write-state': null;
  readonly close: null;
}

export type EngineResult = EngineResults[EngineRequest['kind']];

/** Flag set by the owner: requests in the queue are dropped. */
export const stopFlag = 0;

/** Flag set by the worker while it is inside ONNX Runtime. */
export const busyFlag = 1;

/** What the worker gets when it starts. */
export interface EngineWorkerData {
  /** Two numbers, shared between the threads: `stopFlag` and `busyFlag`. */
  readonly flags: Int32Array;
}

export interface NumberedRequest {
  readonly id: number;
  readonly request: EngineRequest;
}

export type EngineReply =
  | { readonly id: number; readonly result: EngineResult }
  | { readonly id: number; readonly error: { readonly code: NetworkErrorCode; readonly message: string } };
