import type { ProgressEvent, ProgressListener } from '@glisson/imaging/progress/progress';
import { createRateEstimator, formatDuration, type RateEstimator } from './rate.ts';

/** The stream that progress goes to: stderr, or a list in a test. */
export interface ProgressStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface ProgressLine {
  readonly onProgress: ProgressListener;
  /** Prints whole lines above the progress line. */
  print(text: string): void;
  /** Clears the progress line at the end. */
  finish(): void;
}

const redrawEveryMs = 100;
const logEveryMs = 5000;

/**
 * Shows progress events. On a terminal: one line that rewrites itself, with stage, bar, done/total, rate,
 * time left and note. Elsewhere: a plain line when a stage begins, ends, and every five seconds between.
 */
export function createProgressLine(
  stream: ProgressStream,
  now: () => number = () => performance.now(),
): ProgressLine {
  const rewrites = stream.isTTY === true && process.env.TERM !== 'dumb';
  let stage: string | undefined;
  let rate: RateEstimator = createRateEstimator();
  let drawnAt = Number.NEGATIVE_INFINITY;
  let isDrawn = false;

  const clear = () => {
    if (isDrawn) stream.write('\r\u001b[2K');
    isDrawn = false;
  };
  return {
    onProgress(event) {
      const time = now();
      const isNewStage = event.stage !== stage;
      if (isNewStage) {
        stage = event.stage;
        rate = createRateEstimator();
      }
      rate.add(time, event.done);
      const isEnd = event.total > 0 && event.done >= event.total;
      const wait = rewrites ? redrawEveryMs : logEveryMs;
      if (!isNewStage && !isEnd && time - drawnAt < wait) return;
      drawnAt = time;
      const line = describeProgress(event, rate.perSecond(), rewrites);
      if (rewrites) {
        // One column short: a full line would wrap on some terminals.
        const width = Math.max(20, (stream.columns ?? 80) - 1);
        stream.write(`\r\u001b[2K${line.slice(0, width)}`);
        isDrawn = true;
      } else {
        stream.write(`${line}\n`);
      }
    },
    print(text) {
      clear();
      stream.write(`${text}\n`);
    },
    finish: clear,
  };
}

/** The text of one progress line, with a bar when asked for. */
export function describeProgress(
  event: ProgressEvent,
  perSecond: number | undefined,
  withBar: boolean,
): string {
  const { done, total } = event;
  const parts = [event.stage];
  if (total > 0) {
    const share = Math.min(1, Math.max(0, done / total));
    if (withBar) parts.push(bar(share, 24));
    parts.push(`${formatCount(done)}/${formatCount(total)}${event.unit ? ` ${event.unit}` : ''}`);
    if (!withBar) parts.push(`${Math.floor(share * 100)} %`);
  }
  if (perSecond !== undefined && done < total) {
    parts.push(perSecond >= 1 ? `${perSecond.toFixed(1)}/s` : `${(1 / perSecond).toFixed(1)} s each`);
    parts.push(`${formatDuration((total - done) / perSecond)} left`);
  }
  if (event.note) parts.push(event.note);
  return parts.join('  ');
}

function bar(share: number, width: number): string {
  const filled = Math.round(share * width);
  return `[${'#'.repeat(filled)}${'-'.repeat(width - filled)}]`;
}

function formatCount(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(1);
}
