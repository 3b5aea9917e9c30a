/** The name of the Web Worker. */
export const workerName = 'glisson-engine';

/** The first message to the Web Worker. */
export interface WorkerStart {
  /** Where ONNX Runtime lies, when an import map says so: import maps do not reach workers. */
  readonly runtimeUrl?: string;
}
