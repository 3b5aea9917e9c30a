/** A tensor on its way to or from the engine. */
export interface EngineTensor {
  readonly data: Float32Array | Uint8Array;
  readonly dims: readonly number[];
}

/** Float32 numbers on their way out. */
export interface FloatTensor extends EngineTensor {
  readonly data: Float32Array;
}

export interface SessionOptions {
  /**
   * Execution provider: 'cpu' (in browsers ONNX Runtime's WebAssembly), 'webgpu', or the name of any other that
   * the build of ONNX Runtime knows ('cuda', 'dml', 'coreml', …: passed through, untested).
   */
  readonly provider: string;
  /** Threads that compute; absent: as many as there are cores for this process. */
  readonly threads?: number;
  /** Plan the memory of a whole run beforehand: see docs/explanation/engine.md for what it costs. */
  readonly memoryPattern: boolean;
  /** Write a profile of every node to a file of this prefix, when the session is released. */
  readonly profile?: string;
  /** Every run has places for all outputs. Default false. */
  readonly placed?: boolean;
}

/** What came of the options. */
export interface EngineReport {
  /** E.g. 'onnxruntime-node 1.30.0'. */
  readonly runtime: string;
  /**
   * Execution providers that the nodes of the model run on, the wanted one first; a second one, 'cpu', says that
   * some nodes do not run on the first.
   */
  readonly providers: readonly string[];
  /** Threads that compute on the CPU. */
  readonly threads: number;
  /** Where less was possible than was asked for: whole sentences. */
  readonly notes: readonly string[];
}

/** An open model. One run at a time. */
export interface BackendSession {
  readonly report: EngineReport;
  /**
   * Runs the model. Outputs named in `places` lie in these arrays afterwards, which may be the very ones that are fed.
   * All other outputs come as float32 in buffers of their own, which the caller may transfer.
   */
  run(
    feeds: Readonly<Record<string, EngineTensor>>,
    places?: Readonly<Record<string, FloatTensor>>,
  ): Promise<Record<string, EngineTensor>>;
  release(): Promise<void>;
}

/** ONNX Runtime on one platform, in the thread of the caller: blocks it during a run. */
export interface Backend {
  /** Throws what ONNX Runtime throws (see `engineError`), or a `NetworkError` where the options are at fault. */
  open(model: Uint8Array, options: SessionOptions): Promise<BackendSession>;
}
