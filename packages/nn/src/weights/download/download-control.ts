import { setTimeout as delay } from 'node:timers/promises';
import { ConnectionLost } from './http.ts';

export interface DownloadProgress {
  readonly stage: string;
  /** In the unit: MB, or kB of small files. */
  readonly done: number;
  readonly total: number;
  readonly unit: string;
}

/** What a download takes last: how it is watched and cancelled. */
export interface DownloadControl {
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** Cancels; what has come is kept, and the next call goes on from there. */
  readonly signal?: AbortSignal;
  /** How long nothing may come before the connection is taken for lost, in ms (default 60,000). */
  readonly patience?: number;
  /** Tries in a row that bring nothing before it is given up (default 5). */
  readonly tries?: number;
  /** Wait before the second try, in ms; doubled for each further one (default 1000). */
  readonly firstWait?: number;
}

export const defaultPatience = 60_000;

/** Tells the control, if it wants to know, how far a download is. */
export function reportBytes(control: DownloadControl, stage: string, done: number, total: number): void {
  const [unit, size, digits] = total >= 1e6 ? ['MB', 1e6, 10] : ['kB', 1e3, 1];
  const rounded = (bytes: number) => Math.round((bytes / size) * digits) / digits;
  control.onProgress?.({ stage, done: rounded(done), total: rounded(total), unit });
}

/**
 * Calls `attempt` until it does not lose the connection. Tries count anew whenever one brought something.
 * @param position how far it is, to see whether a try brought something
 */
export async function withRetries<T>(
  control: DownloadControl,
  position: () => number,
  attempt: () => Promise<T>,
): Promise<T> {
  const { tries = 5, firstWait = 1000, signal } = control;
  let failures = 0;
  for (;;) {
    const before = position();
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error;
      failures = position() > before ? 1 : failures + 1;
      if (failures >= tries) throw error;
      await delay(firstWait * 2 ** (failures - 1), undefined, { signal });
    }
  }
}
