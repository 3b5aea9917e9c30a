import type { SweepView, TrialView } from '@glisson/pipeline/experiments/sweep/trials/trial-view';
import { formatDuration } from '../terminal/rate.ts';
import { renderTable } from '../terminal/table.ts';

/** Rows that a live table has at most. */
const mostRows = 14;

/** The trials that are worth a line while a sweep runs: those that run, and the best of the others. */
export function liveTable(view: SweepView, width: number): string[] {
  const running = view.trials.filter(({ state }) => state === 'running');
  const ended = view.trials
    .filter(({ state }) => state !== 'running')
    .sort((a, b) => (b.best ?? -1) - (a.best ?? -1) || a.trial - b.trial);
  const rows = [...running, ...ended].slice(0, mostRows);
  if (rows.length === 0) return [summaryLine(view)];
  const names = shownSettings(view.trials);
  // What changes comes first: narrow terminals cut the rest.
  const header = ['trial', 'state', 'epoch', 'best', ...names.map(shortName)];
  const table = renderTable(
    header,
    rows.map((trial) => [
      String(trial.trial),
      stateOf(trial),
      trial.epoch === 0 ? '–' : String(trial.epoch),
      trial.best === null ? '–' : trial.best.toFixed(3),
      ...names.map((name) => shortValue(trial.point[name])),
    ]),
  );
  const hidden = view.trials.length - rows.length;
  return [
    ...table.split('\n').map((line) => line.slice(0, width)),
    ...(hidden > 0 ? [`… and ${hidden} others`] : []),
    summaryLine(view).slice(0, width),
  ];
}

/** One line on a trial, for logs. */
export function trialLine(trial: TrialView): string {
  const settings = Object.entries(trial.point).map(([name, setting]) => `${shortName(name)} ${setting}`);
  const epoch = trial.epoch > 0 ? `, epoch ${trial.epoch}` : '';
  const best = trial.best === null ? '' : `, best ${trial.best.toFixed(3)}`;
  const error = trial.error === undefined ? '' : `: ${trial.error.message}`;
  return `trial ${trial.trial} ${trial.state}${epoch}${best}${error}${settings.length > 0 ? ` (${settings.join(', ')})` : ''}`;
}

/** Trials ended of planned, and the time. */
export function summaryLine({ trials, planned, secondsUsed, secondsLeft }: SweepView): string {
  const ended = trials.filter(({ state }) => state !== 'running' && state !== 'interrupted').length;
  const of = planned === undefined ? '' : ` of ${planned}`;
  const left = secondsLeft === undefined ? '' : `, about ${formatDuration(secondsLeft)} left`;
  return `${ended}${of} trials ended, ${formatDuration(secondsUsed)} used${left}`;
}

function stateOf({ state, share, stage }: TrialView): string {
  if (state !== 'running') return state;
  if (stage !== 'train') return stage === '' ? 'running' : stage;
  return `${Math.floor(share * 100)} %`;
}

function shownSettings(trials: readonly TrialView[]): string[] {
  return [...new Set(trials.flatMap(({ point }) => Object.keys(point)))];
}

function shortName(name: string): string {
  return name.split('.').at(-1)!;
}

function shortValue(setting: string | number | undefined): string {
  const text = setting === undefined ? '' : String(setting);
  return text.length > 18 ? `${text.slice(0, 17)}…` : text;
}
