import { PipelineError } from '@glisson/pipeline/errors/pipeline-error';
import type { ExportRun } from '@glisson/pipeline/experiments/export/export-run';
import type { RunRecord } from '@glisson/pipeline/experiments/record/run-record';
import type { RunStore } from '@glisson/pipeline/experiments/store/open-store';
import { UsageError } from '../terminal/error-report.ts';
import type { VerbContext, VerbResult } from '../verb.ts';

export const exportFormats = ['csv', 'xlsx', 'json', 'markdown', 'tensorboard', 'mlflow'] as const;
export type ExportFormat = (typeof exportFormats)[number];
export const exportTables = ['runs', 'hyperparameters', 'cases'] as const;

export interface ExportOptions {
  readonly format?: ExportFormat;
  readonly table?: (typeof exportTables)[number];
  readonly out?: string;
  readonly experiment?: string;
  readonly withCases?: boolean;
  readonly force?: boolean;
}

/** Runs to export, and what they are judged against. */
export interface ChosenRuns {
  /** Whoever chose anything in any of its runs is no unseen patient. */
  readonly store: RunStore;
  /** In the order in which they are to be written, evaluations attached. */
  readonly chosen: readonly RunRecord[];
}

/** `runs export`: what it writes where, by its format. */
export async function exportRuns(
  { store, chosen }: ChosenRuns,
  options: ExportOptions,
  context: VerbContext,
): Promise<VerbResult> {
  const format = checkedFormat(options, context);
  if (chosen.length === 0) {
    // Not an empty file: over a good one, written by --force from a wrong folder, it would be a loss.
    const all = store.records().length;
    throw new PipelineError('run-invalid', 'There is no run to export.', {
      where: store.folder,
      found: all === 0 ? 'no runs' : `${all} runs, none of which matches`,
      advice: all === 0 ? 'Say with --runs where the runs are.' : 'Check --where with glisson runs list.',
    });
  }
  const { runNames } = await import('@glisson/pipeline/experiments/export/run-names');
  const names = runNames(
    chosen.map(({ folder }) => folder),
    store.folder,
  );
  const runs = chosen.map((record, i) => ({
    name: names[i]!,
    record,
    flaggedPatients: store.chosen(record).map(({ patient }) => patient),
  }));
  for (const { name, record } of runs) {
    if (record.state === 'damaged') context.note(`warning: ${name} is damaged: ${record.damage}`);
  }
  const flagged = runs.filter(({ flaggedPatients }) => flaggedPatients.length > 0).map(({ name }) => name);
  if (flagged.length > 0) {
    context.note(`warning: flagged, since test patients of theirs chose something: ${shortList(flagged)}`);
  }
  const result = await (format === 'mlflow'
    ? toMlflow(runs, options, context)
    : format === 'tensorboard'
      ? toTensorboard(runs, options, context)
      : toFile(runs, format, options));
  return {
    ...result,
    json: { schema: 'glisson.export/1', format, runs: runs.length, flagged, ...result.json },
  };
}

interface ExportResult {
  readonly json: Readonly<Record<string, unknown>>;
  readonly text: string;
}

async function toFile(
  runs: readonly ExportRun[],
  format: 'csv' | 'xlsx' | 'json' | 'markdown',
  { table = 'runs', out, force = false }: ExportOptions,
): Promise<ExportResult> {
  const { exportedFile, usualNames } = await import('@glisson/pipeline/experiments/export/export-file');
  const { assertMayWriteFile, writeFileWhole } = await import('@glisson/imaging/files/whole-files');
  const path = out ?? usualNames[format];
  if (path !== '-') assertMayWriteFile(path, force);
  const content = await exportedFile(runs, format, table);
  if (path === '-') return { json: {}, text: String(content) };
  await writeFileWhole(path, content);
  return { json: { out: path }, text: `Wrote ${count(runs.length)} to ${path}` };
}

async function toTensorboard(
  runs: readonly ExportRun[],
  { out, force = false }: ExportOptions,
  { control }: VerbContext,
): Promise<ExportResult> {
  const { usualNames } = await import('@glisson/pipeline/experiments/export/export-file');
  const { writeEventFiles } = await import(
    '@glisson/pipeline/experiments/export/tensorboard/write-event-files'
  );
  const folder = out ?? usualNames.tensorboard;
  const { files, withoutMetrics } = await writeEventFiles(folder, runs, force, control);
  const lines = [`Wrote event files of ${count(files.length)} to ${folder}`];
  if (withoutMetrics.length > 0) lines.push(`Without metrics, so left out: ${shortList(withoutMetrics)}`);
  lines.push(`Look at them with: tensorboard --logdir ${folder}`);
  return { json: { out: folder, files, withoutMetrics }, text: lines.join('\n') };
}

async function toMlflow(
  runs: readonly ExportRun[],
  { experiment, withCases = false }: ExportOptions,
  { control, note }: VerbContext,
): Promise<ExportResult> {
  const { mlflowSettings } = await import('@glisson/pipeline/experiments/export/mlflow/mlflow-settings');
  const { createMlflowClient } = await import('@glisson/pipeline/experiments/export/mlflow/mlflow-client');
  const { exportToMlflow, findExperiment } = await import(
    '@glisson/pipeline/experiments/export/mlflow/export-to-mlflow'
  );
  const settings = mlflowSettings(process.env);
  for (const warning of settings.warnings) note(`warning: ${warning}`);
  const client = createMlflowClient(settings, control.signal);
  const name = experiment ?? settings.experiment;
  const experimentId = await findExperiment(client, name);
  const outcomes = await exportToMlflow(client, experimentId, runs, { withCases }, control);
  const cut = outcomes.flatMap((one) => one.cut.map((field) => `${field} of ${one.name}`));
  if (cut.length > 0) note(`warning: cut to MLflow's 6000 characters: ${shortList(cut)}`);
  const actions = ['created', 'replaced', 'unchanged'] as const;
  const counts = actions.map(
    (action) => `${outcomes.filter((one) => one.action === action).length} ${action}`,
  );
  const address = `${settings.uri}/#/experiments/${experimentId}`;
  return {
    json: { uri: settings.uri, experiment: name, experimentId, outcomes },
    text: `Experiment ${name}: ${counts.join(', ')}\n${address}`,
  };
}

/** @throws UsageError where options do not go together */
function checkedFormat(options: ExportOptions, { json }: VerbContext): ExportFormat {
  const { format } = options;
  if (format === undefined) {
    throw new UsageError(`runs export needs --format: ${exportFormats.join(', ')}.`);
  }
  const wrong = (option: string, why: string) =>
    new UsageError(`${option} does not go with --format ${format}: ${why}`);
  if (options.table !== undefined && format !== 'csv') {
    throw wrong('--table', 'only a CSV holds one table.');
  }
  if (format === 'mlflow' && options.out !== undefined) {
    throw wrong('--out', 'where runs go is said by MLFLOW_TRACKING_URI.');
  }
  if (format !== 'mlflow' && options.experiment !== undefined)
    throw wrong('--experiment', 'it is one of MLflow.');
  if (format !== 'mlflow' && options.withCases === true)
    throw wrong('--with-cases', 'cases are in it anyway.');
  if (options.out === '-') {
    if (format === 'xlsx' || format === 'tensorboard') throw wrong('--out -', 'it is no text.');
    if (json) throw new UsageError('--json and --out - both want stdout: leave one out.');
  }
  return format;
}

function count(runs: number): string {
  return `${runs} run${runs === 1 ? '' : 's'}`;
}

function shortList(names: readonly string[]): string {
  const rest = names.length - 10;
  return names.slice(0, 10).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}
