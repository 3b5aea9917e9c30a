import type { SweepView, SweepWatcher } from '@glisson/pipeline/experiments/sweep/trials/trial-view';
import type { ProgressStream } from '../terminal/progress-line.ts';
import { liveTable, summaryLine, trialLine } from './trial-table.ts';

const redrawEveryMs = 500;

export interface SweepDisplay {
  readonly watch: SweepWatcher;
  /** Leaves the last state on the screen. */
  finish(): void;
}

/**
 * Shows a sweep while it runs: on a terminal a table that redraws itself, elsewhere a line when a trial begins, ends an epoch, or
 * ends.
 * @param clear removes a progress line that another has drawn
 */
export function createSweepDisplay(
  stream: ProgressStream,
  clear: () => void,
  now: () => number = () => performance.now(),
): SweepDisplay {
  const redraws = stream.isTTY === true && process.env.TERM !== 'dumb';
  return redraws ? tableDisplay(stream, clear, now) : lineDisplay(stream);
}

function tableDisplay(stream: ProgressStream, clear: () => void, now: () => number): SweepDisplay {
  let drawn = 0;
  let drawnAt = Number.NEGATIVE_INFINITY;
  let last: SweepView | undefined;
  const draw = (view: SweepView) => {
    if (drawn === 0) clear();
    const lines = liveTable(view, Math.max(40, (stream.columns ?? 80) - 1));
    const up = drawn > 0 ? `\u001b[${drawn}A` : '';
    stream.write(`${up}${lines.map((line) => `\r\u001b[2K${line}\n`).join('')}\u001b[J`);
    drawn = lines.length;
    last = undefined;
  };
  return {
    watch(view) {
      last = view;
      const time = now();
      if (time - drawnAt < redrawEveryMs) return;
      drawnAt = time;
      draw(view);
    },
    finish() {
      if (last !== undefined) draw(last);
      drawn = 0;
    },
  };
}

function lineDisplay(stream: ProgressStream): SweepDisplay {
  const said = new Map<number, string>();
  return {
    watch(view) {
      for (const trial of view.trials) {
        if (trial.state === 'interrupted') continue;
        const key = `${trial.state} ${trial.epoch}`;
        if (said.get(trial.trial) === key) continue;
        // What ended in an earlier sitting is no news.
        const isNews = said.has(trial.trial) || trial.state === 'running';
        said.set(trial.trial, key);
        if (isNews) stream.write(`${trialLine(trial)}; ${summaryLine(view)}\n`);
      }
    },
    finish() {},
  };
}
