import { createHash } from 'node:crypto';
import { basename, isAbsolute } from 'node:path';
import { hashJson } from '../../../plan/plan-text.ts';
import type { RunRecord } from '../../record/run-record.ts';
import { type ExportRun, isTested } from '../export-run.ts';
import type { SeriesPoint } from '../run-series.ts';

/** Bounds of MLflow on names and values, in characters. */
const most = { key: 250, param: 6000, tag: 5000 } as const;

export interface MlflowEntry {
  readonly key: string;
  readonly value: string;
}

export interface MlflowMetric {
  readonly key: string;
  /** JSON has no NaN and no infinities: MLflow takes them as words. */
  readonly value: number | string;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  readonly step: number;
}

/** A run in MLflow's terms. */
export interface MlflowRun {
  readonly name: string;
  /** By which a later export finds it again: hexadecimal, the same wherever the folder lies. */
  readonly identity: string;
  /** Hash of all that is sent: equal when there is nothing new. */
  readonly content: string;
  readonly status: 'RUNNING' | 'FINISHED' | 'FAILED' | 'KILLED';
  readonly startTime: number;
  readonly endTime: number | null;
  readonly params: readonly MlflowEntry[];
  readonly metrics: readonly MlflowMetric[];
  readonly tags: readonly MlflowEntry[];
  /** Parameters that were cut to MLflow's length. */
  readonly cut: readonly string[];
}

const statusOf = {
  running: 'RUNNING',
  finished: 'FINISHED',
  failed: 'FAILED',
  stopped: 'KILLED',
  damaged: 'FAILED',
} as const;

/**
 * Says what MLflow is told of a run: the plan's fields as parameters, series and results as metrics, origin and hashes as
 * tags. Names of cases and patients, paths and commands stay on this machine.
 * @param withCases also send scores by case, the split and the choosers, with the names of cases and patients
 */
export function mlflowRun(run: ExportRun, points: readonly SeriesPoint[], withCases: boolean): MlflowRun {
  const { record } = run;
  const startTime = Date.parse(record.started ?? '') || 0;
  const last = points.at(-1);
  const endTime = Date.parse(record.ended ?? '') || Math.round((last?.time ?? 0) * 1000) || startTime;
  const cut: string[] = [];
  const params = Object.entries(record.fields)
    .filter(([name]) => withCases || !name.startsWith('split.'))
    .map(([name, value]) => {
      const text = String(value);
      const shown = isAbsolute(text) ? basename(text) : text;
      if (shown.length > most.param) cut.push(name);
      return { key: keyOf(name), value: cutTo(shown, most.param) };
    });
  const metrics = [
    ...points.map(({ name, step, value, time }) => metric(name, value, Math.round(time * 1000), step)),
    ...(withCases ? caseMetrics(record, endTime, last?.step ?? 0) : []),
  ];
  const told = {
    name: run.name,
    status: statusOf[record.state],
    startTime,
    endTime: record.state === 'running' ? null : endTime,
    params,
    metrics,
    tags: tagsOf(run, withCases).map(({ key, value }) => ({ key, value: cutTo(value, most.tag) })),
  };
  const identity = createHash('sha256')
    .update(`${record.id}\n${record.started ?? run.name}`)
    .digest('hex');
  return { ...told, identity: identity.slice(0, 32), content: hashJson(told), cut };
}

function tagsOf({ name, record, flaggedPatients }: ExportRun, withCases: boolean): MlflowEntry[] {
  const tested = new Set(record.cases.filter((one) => isTested(record, one)).map(({ patient }) => patient));
  const isFlagged = flaggedPatients.length > 0;
  const flag = withCases ? flaggedPatients.join(', ') : `${flaggedPatients.length} of ${tested.size}`;
  const facts: readonly (readonly [string, string | number | null | undefined])[] = [
    ['mlflow.runName', name],
    ['mlflow.source.name', `glisson ${record.kind}`],
    ['mlflow.source.type', 'LOCAL'],
    ['mlflow.source.git.commit', record.gitCommit],
    ['glisson.id', record.id],
    ['glisson.kind', record.kind],
    ['glisson.state', record.state],
    ['glisson.recipe', record.recipe],
    ['glisson.weights', record.weights?.origin],
    ['glisson.weights_sha256', record.weights?.sha256],
    ['glisson.plan_hash', record.planHash],
    ['glisson.model_hash', record.modelHash],
    ['glisson.data_hash', record.dataHash],
    ['glisson.folds_hash', record.foldsHash],
    ['glisson.sweep', record.sweep?.id],
    ['glisson.trial', record.sweep?.trial],
    ['glisson.core_seconds', record.coreSeconds],
    ['glisson.choosers', withCases ? record.choosers.join(', ') : null],
    ['glisson.test_patients_watched', record.watched.length > 0 ? record.watched.length : null],
    ['glisson.test_patients_used_for_choosing', isFlagged ? flag : tested.size > 0 ? 'none' : null],
  ];
  return facts.flatMap(([key, value]) =>
    value === null || value === undefined ? [] : [{ key, value: String(value) }],
  );
}

const caseScores = ['liverDice', 'lesionDice', 'liverIoU', 'lesionIoU', 'liverMl', 'lesionMl'] as const;

function caseMetrics({ cases }: RunRecord, timestamp: number, step: number): MlflowMetric[] {
  return cases.flatMap((one) =>
    caseScores.flatMap((name) => {
      const value = one[name];
      const key = `case/${one.side}/${one.case}/${one.grid}/${name}`;
      return value === null ? [] : [metric(key, value, timestamp, step)];
    }),
  );
}

function metric(name: string, value: number, timestamp: number, step: number): MlflowMetric {
  return { key: keyOf(name), value: Number.isFinite(value) ? value : String(value), timestamp, step };
}

/**
 * A name that MLflow takes: letters, digits, `_ - . /` and blanks, no path that means another one, at most 250 characters.
 * One that had to be changed gets a hash, so that two names do not become one.
 */
function keyOf(name: string): string {
  const clean = name
    .replaceAll(/[^\w./ -]/g, '_')
    .split('/')
    .map((part) => (/^\.*$/.test(part) ? '_' : part))
    .join('/');
  if (clean === name && clean.length <= most.key) return name;
  return `${clean.slice(0, most.key - 9)}_${createHash('sha256').update(name).digest('hex').slice(0, 8)}`;
}

function cutTo(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
