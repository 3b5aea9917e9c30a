/** One step of long work; rate and time left are the listener's business. */
export interface ProgressEvent {
  readonly stage: string;
  readonly done: number;
  readonly total: number;
  /** What is counted: slices, tiles, steps. */
  readonly unit?: string;
  /** Short remark, e.g. the current loss. */
  readonly note?: string;
}

export type ProgressListener = (event: ProgressEvent) => void;

/** What every long-running function of Glisson takes last. */
export interface TaskControl {
  readonly onProgress?: ProgressListener;
  /** Cancels at the next step; the function then rejects with the signal's reason and leaves nothing behind. */
  readonly signal?: AbortSignal;
}
