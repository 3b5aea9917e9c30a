import { joinPieces } from '@glisson/nn/onnx/protobuf-writer';
import type { ExportRun } from '../export-run.ts';
import type { SeriesPoint } from '../run-series.ts';
import { scalarValue, summaryEvent, textValue, versionEvent } from './events.ts';
import { hparamsValues } from './hparams.ts';
import { tfRecord } from './tf-record.ts';

/**
 * The event file of a run as TensorBoard reads it: TFRecords of Event messages. Scalars of a step come as one event; before them
 * stand the hyperparameters (plugin `hparams`) and what the run was (plugin `text`).
 */
export function eventFile(run: ExportRun, points: readonly SeriesPoint[]): Uint8Array {
  const started = secondsOf(run.record.started) ?? points[0]?.time ?? 0;
  const ended = secondsOf(run.record.ended) ?? points.at(-1)?.time ?? started;
  const { recipe, fields } = run.record;
  const weights = run.record.weights?.origin ?? null;
  const about = [
    ...hparamsValues(run.record, { recipe, weights, ...fields }, { started, ended }),
    textValue('run', aboutText(run)),
  ];
  const records = [versionEvent(started), summaryEvent(started, 0, about)];
  let begin = 0;
  for (const [i, { step, time }] of points.entries()) {
    if (points[i + 1]?.step === step) continue;
    const values = points.slice(begin, i + 1).map(({ name, value }) => scalarValue(name, value));
    records.push(summaryEvent(time, step, values));
    begin = i + 1;
  }
  return joinPieces([records.map(tfRecord)]);
}

/** Named as TensorBoard looks for it. */
export function eventFileName(run: ExportRun): string {
  return `events.out.tfevents.${Math.floor(secondsOf(run.record.started) ?? 0)}.glisson`;
}

function aboutText({ record, flaggedPatients }: ExportRun): string {
  const facts: readonly (readonly [string, string | number | null])[] = [
    ['id', record.id],
    ['state', record.state],
    ['problem', record.damage ?? record.error],
    ['recipe', record.recipe],
    ['first weights', record.weights?.origin ?? null],
    ['seed', record.seed],
    ['best epoch', record.results.bestEpoch],
    ['git commit', record.gitCommit],
    ['plan', record.planHash],
    ['data', record.dataHash],
    ['test patients that chose something', flaggedPatients.length > 0 ? flaggedPatients.join(', ') : null],
  ];
  const rows = facts.flatMap(([name, value]) =>
    value === null
      ? []
      : [`| ${name} | ${String(value).replaceAll(/[|\\]/g, '\\$&').replaceAll(/\s+/g, ' ')} |`],
  );
  return ['| | |', '| --- | --- |', ...rows].join('\n');
}

function secondsOf(text: string | null): number | undefined {
  const seconds = Date.parse(text ?? '') / 1000;
  return Number.isNaN(seconds) ? undefined : seconds;
}
