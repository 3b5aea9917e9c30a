import type { NetworkErrorCode } from '../errors/network-error.ts';
import type { EngineReport, EngineTensor, SessionOptions } from './backend.ts';

export interface OpenRequest {
  readonly kind: 'open';
  readonly model: Uint8Array;
  readonly options: SessionOptions;
  /** Vectors that stay in the engine: input `name` is fed from them, output `next.name` replaces them. */
  readonly state: Readonly<Record<string, Float32Array>>;
  /** The new state is taken over only when this output is finite everywhere. */
  readonly guard?: string;
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
  readonly open: EngineReport;
  readonly run: Readonly<Record<string, EngineTensor>>;
  readonly 'read-state': Readonly<Record<string, Float32Array>>;
  readonly 'write-state': null;
  readonly close: null;
}

export type EngineResult = EngineResults[EngineRequest['kind']];

export interface NumberedRequest {
  readonly id: number;
  readonly request: EngineRequest;
}

export type EngineReply =
  | { readonly id: number; readonly result: EngineResult }
  | { readonly id: number; readonly error: { readonly code: NetworkErrorCode; readonly message: string } };
