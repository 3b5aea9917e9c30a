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
  /** Shows a block of lines above the progress line, in place of the last block. Only where lines can be rewritten. */
  show(lines: readonly string[]): void;
  /** Clears the progress line at the end; a block stays. */
  finish(): void;
}

/** Whether lines can be rewritten on a stream. */
export function isRewritable(stream: ProgressStream): boolean {
  return stream.isTTY === true && process.env.TERM !== 'dumb';
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
  const rewrites = isRewritable(stream);
  let stage: string | undefined;
  let rate: RateEstimator = createRateEstimator();
  let drawnAt = Number.NEGATIVE_INFINITY;
  let isDrawn = false;
  let block: readonly string[] = [];
  let isBlockDrawn = false;
  let line = '';

  const columns = () => stream.columns ?? 80;
  const clear = () => {
    // A line that has become wider than the terminal takes several rows by now.
    const rows = block.reduce((sum, text) => sum + Math.max(1, Math.ceil(widthOf(text) / columns())), 0);
    if (isBlockDrawn) stream.write(`\r\u001b[${rows}A\u001b[J`);
    else if (isDrawn) stream.write('\r\u001b[2K');
    isDrawn = false;
    isBlockDrawn = false;
  };
  const drawBlock = () => {
    if (block.length === 0) return;
    stream.write(`${block.join('\n')}\n${line}`);
    isBlockDrawn = true;
    isDrawn = line !== '';
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
      const text = describeProgress(event, rate.perSecond(), rewrites);
      if (rewrites) {
        // One column short: a full line would wrap on some terminals.
        line = text.slice(0, Math.max(20, columns() - 1));
        stream.write(`\r\u001b[2K${line}`);
        isDrawn = true;
      } else {
        stream.write(`${text}\n`);
      }
    },
    print(text) {
      clear();
      stream.write(`${text}\n`);
      drawBlock();
    },
    show(lines) {
      if (!rewrites) return;
      clear();
      block = lines;
      drawBlock();
    },
    finish() {
      if (isDrawn) stream.write('\r\u001b[2K');
      isDrawn = false;
      isBlockDrawn = false;
      block = [];
    },
  };
}

/** Columns of a line, without its colours. */
function widthOf(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours of terminals are control characters
  return [...text.replace(/\u001b\[[\d;]*m/g, '')].length;
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
