import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { appendLine } from '../../train/append-line.ts';

/** log.jsonl of a sweep: what happened when. */
export interface SweepLog {
  /** Seconds that earlier sittings took, as far as they were written down. */
  readonly secondsUsed: number;
  add(event: string, details: object): Promise<void>;
}

/** Opens the log; lines that cannot be read are passed over, since nothing depends on it but the time that was used. */
export async function openSweepLog(path: string): Promise<SweepLog> {
  const text = existsSync(path) ? await readFile(path, 'utf8') : '';
  let secondsUsed = 0;
  for (const line of text.split('\n')) {
    try {
      const { secondsUsed: seconds } = JSON.parse(line) as { secondsUsed?: unknown };
      if (typeof seconds === 'number') secondsUsed = Math.max(secondsUsed, seconds);
    } catch {
      // A killed process may have left half a line.
    }
  }
  const needsNewline = text !== '' && !text.endsWith('\n');
  if (needsNewline) await appendLine(path, '');
  return {
    secondsUsed,
    add: (event, details) =>
      appendLine(path, JSON.stringify({ time: new Date().toISOString(), event, ...details })),
  };
}
