/** Flag set by the owner: requests in the queue are dropped. */
export const stopFlag = 0;

/** Flag set by the worker while it is inside ONNX Runtime. */
export const busyFlag = 1;

/** What the worker gets when it starts. */
export interface EngineWorkerData {
  /** Two numbers, shared between the threads: `stopFlag` and `busyFlag`. */
  readonly flags: Int32Array;
}
