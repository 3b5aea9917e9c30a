import { runPaths } from '../../train/run-folder.ts';
import { readJsonLines } from '../record/read-lines.ts';
import type { RunRecord } from '../record/run-record.ts';
import type { ExportRun } from './export-run.ts';

/** A value at a step of a run. */
export interface SeriesPoint {
  /** `train/loss`, `validation/lesionDice`, `test/lesionDice`. */
  readonly name: string;
  readonly step: number;
  readonly value: number;
  /** Seconds since 1970. */
  readonly time: number;
}

type Line = Readonly<Record<string, unknown>>;

/** Of a line of metrics.jsonl: what places it, and what is no number. */
const placing = new Set(['kind', 'step', 'best']);

/**
 * What a run measured over its steps, from metrics.jsonl, in the order of the steps; at the last one what came out in the end: scores of
 * validation cases on all slices (`final/…`) and of test cases (`test/…`, or `test-used-for-choosing/…` where a patient of
 * them chose something). Held-out patients that were watched during training are `watched-test/…`. Values that are missing are left out; a loss that is missing was no number, and is NaN.
 * metrics.jsonl has no clocks: times are those of the epochs in log.jsonl, between them in proportion to the steps.
 */
export async function readRunSeries(run: ExportRun): Promise<SeriesPoint[]> {
  const paths = runPaths(run.record.folder);
  const metrics = (await readJsonLines(paths.metrics))?.lines ?? [];
  const log = (await readJsonLines(paths.log))?.lines ?? [];
  return runSeries(run, metrics, log);
}

/** The same from lines that have been read. */
export function runSeries(run: ExportRun, metrics: readonly Line[], log: readonly Line[]): SeriesPoint[] {
  const timeAt = stepClock(run.record, log);
  const groups: Readonly<Record<string, string>> = {
    steps: 'train',
    epoch: 'validation',
    watched: testGroup('watched-test', run),
  };
  const points = metrics.flatMap((line): SeriesPoint[] => {
    const { step } = line;
    const group = groups[String(line.kind)];
    if (typeof step !== 'number' || group === undefined) return [];
    const isWatched = line.kind === 'watched';
    return Object.entries(line).flatMap(([key, value]) => {
      if (placing.has(key) || (key === 'epoch' && isWatched)) return [];
      const name = pointName(group, key);
      return numbersOf(name, value).map(([one, number]) => ({
        name: one,
        step,
        value: number,
        time: timeAt(step),
      }));
    });
  });
  const step = points.at(-1)?.step ?? 0;
  const ends = finalScores(run).map(([name, value]) => ({ name, step, value, time: timeAt(step) }));
  return [...points, ...ends];
}

/** An epoch's line tells of both sides. */
function pointName(group: string, key: string): string {
  if (key === 'epoch') return 'validation/epoch';
  const [, side, rest] = /^(training|validation)([A-Z]\w*)$/.exec(key) ?? [];
  if (rest === undefined) return `${group}/${key}`;
  const name = rest[0]!.toLowerCase() + rest.slice(1);
  return `${side === 'training' ? 'train-epoch' : group}/${name}`;
}

/** Soft Dice come as a list, one of each class. */
const classNames = ['background', 'liver', 'lesion'] as const;

function numbersOf(name: string, value: unknown): (readonly [string, number])[] {
  if (typeof value === 'number') return [[name, value]];
  if (value === null && name === 'train/loss') return [[name, Number.NaN]];
  if (!Array.isArray(value)) return [];
  return value.flatMap((one, i) =>
    typeof one === 'number' ? [[`${name}/${classNames[i] ?? i}`, one] as const] : [],
  );
}

/** What came out in the end, by name: results without a value are left out. */
export function finalScores(run: ExportRun): (readonly [string, number])[] {
  const { results } = run.record;
  const test = testGroup('test', run);
  const evaluated = testGroup('evaluated', run);
  const final = results.validationSlices === 'all' ? 'final' : 'best';
  const scores: readonly (readonly [string, number | null])[] = [
    [`${final}/liverDice`, results.validationLiverDice],
    [`${final}/lesionDice`, results.validationLesionDice],
    [`${final}/score`, results.validationScore],
    [`${test}/liverDice`, results.testLiverDice],
    [`${test}/lesionDice`, results.testLesionDice],
    [`${test}/liverIoU`, results.testLiverIoU],
    [`${test}/lesionIoU`, results.testLesionIoU],
    [`${evaluated}/liverDice`, results.evaluatedLiverDice],
    [`${evaluated}/lesionDice`, results.evaluatedLesionDice],
  ];
  return scores.flatMap(([name, value]) => (value === null ? [] : [[name, value] as const]));
}

/** The flag stands in the name itself, since a chart shows nothing else. */
function testGroup(name: string, { flaggedPatients }: ExportRun): string {
  return flaggedPatients.length > 0 ? `${name}-used-for-choosing` : name;
}

/** When a step was done, in seconds since 1970. */
function stepClock(record: RunRecord, log: readonly Line[]): (step: number) => number {
  const known: { step: number; time: number }[] = [];
  for (const { event, step, time } of log) {
    const at = Date.parse(String(time)) / 1000;
    if (Number.isNaN(at) || typeof step !== 'number') continue;
    if (event !== 'started' && event !== 'resumed' && event !== 'epoch') continue;
    // A resumed run does steps again: the later time is that of the values that were kept.
    while (known.length > 0 && known.at(-1)!.step >= step) known.pop();
    known.push({ step, time: at });
  }
  if (known.length === 0) {
    const start = Date.parse(record.started ?? '') / 1000;
    return () => (Number.isNaN(start) ? 0 : start);
  }
  return (step) => {
    const next = known.findIndex((one) => one.step >= step);
    if (next === 0) return known[0]!.time;
    const [a, b] = next < 0 ? [known.at(-2) ?? known[0]!, known.at(-1)!] : [known[next - 1]!, known[next]!];
    if (b.step === a.step) return b.time;
    return a.time + ((b.time - a.time) * (step - a.step)) / (b.step - a.step);
  };
}
