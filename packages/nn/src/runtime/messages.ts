import type { NetworkErrorCode } from '../errors/network-error.ts';
import type { EngineReport, EngineTensor, SessionOptions } from './backend.ts';

/** A part of a vector that stays in the engine, as an input or an output of a model. */
export interface VectorPart {
  /** Of the input or output. */
  readonly name: string;
  readonly vector: string;
  readonly offset: number;
  readonly dims: readonly number[];
}

/** What an engine keeps between runs, and how a run takes part in it. */
export interface EngineState {
  /** Vectors that stay in the engine. An output `next.NAME` of the model becomes the vector NAME. */
  readonly state: Readonly<Record<string, Float32Array>>;
  /** Further vectors of these lengths, zero at first, that a run leaves for the updates after it. */
  readonly scratch: Readonly<Record<string, number>>;
  /** Inputs of the model that are fed from vectors. */
  readonly inputs: readonly VectorPart[];
  /** Outputs of the model that are written to scratch vectors. */
  readonly outputs: readonly VectorPart[];
  /** Shapes of its other outputs. */
  readonly results: Readonly<Record<string, readonly number[]>>;
  /**
   * Models that change vectors in place after a run: elementwise, of inputs of any one length, with whatever reads a
   * vector done before its output `next.*` is written.
   */
  readonly updates: Readonly<Record<string, Uint8Array>>;
  /** The state changes only when this output is finite everywhere. */
  readonly guard: string;
}

export interface OpenRequest extends Partial<EngineState> {
  readonly kind: 'open';
  readonly model: Uint8Array;
  readonly options: SessionOptions;
}

/** Vectors that an update model is run on, from end to end. */
export interface UpdateCall {
  /** Its name among the engine's `updates`. */
  readonly model: string;
  /** Vectors by the model's name for them: of its input, and of its output without `next.`. */
  readonly vectors: Readonly<Record<string, string>>;
  /** Scalars. */
  readonly numbers: Readonly<Record<string, number>>;
  /** Outputs of the run that are inputs of the update. */
  readonly carried: readonly string[];
}

export interface RunRequest {
  readonly kind: 'run';
  readonly feeds: Readonly<Record<string, EngineTensor>>;
  /** What follows the run, one after the other, where the guard is finite. */
  readonly updates?: readonly UpdateCall[];
  /** Vectors that are zero afterwards. */
  readonly cleared?: readonly string[];
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
