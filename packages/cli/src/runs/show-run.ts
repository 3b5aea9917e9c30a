import { recordFields } from '@glisson/pipeline/experiments/record/record-fields';
import type { CaseRecord, RunRecord } from '@glisson/pipeline/experiments/record/run-record';
import type { ChosenPatient } from '@glisson/pipeline/experiments/store/chosen-patients';
import { findRun } from '@glisson/pipeline/experiments/store/find-run';
import { formatDuration } from '../terminal/rate.ts';
import { renderTable } from '../terminal/table.ts';
import type { VerbContext, VerbResult } from '../verb.ts';
import { withStore } from './with-store.ts';

/** `runs show RUN` */
export async function showAction(
  name: string,
  options: { readonly runs?: string },
  context: VerbContext,
): Promise<VerbResult> {
  return withStore(options.runs, context, async (store) => {
    const record = await findRun(store, name);
    const usedForChoosing = store.chosen(record);
    return {
      json: { schema: 'glisson.run-record/1', ...record, usedForChoosing },
      text: runText(record, usedForChoosing),
    };
  });
}

function runText(run: RunRecord, chosen: readonly ChosenPatient[]): string {
  return [
    run.folder,
    '',
    ...facts([
      ['kind', run.kind],
      ['state', run.state],
      ['damage', run.damage],
      ['error', run.error],
      ['id', run.id],
      ['recipe', run.recipe],
      ['seed', run.seed],
      ['first weights', weightsText(run)],
      ['sweep', run.sweep && `${run.sweep.id}, trial ${run.sweep.trial}`],
      ['started', run.started],
      ['ended', run.ended],
      ['time', run.seconds === null ? null : formatDuration(run.seconds)],
      ['core time', run.coreSeconds === null ? null : formatDuration(run.coreSeconds)],
      ['command', run.command],
      ['git commit', run.gitCommit],
      ['plan', run.planHash],
      ['model', run.modelHash],
      ['data', run.dataHash],
      ['folds', run.foldsHash],
      ['evaluates', run.evaluates && (run.evaluates.run ?? `model ${run.evaluates.model}`)],
    ]),
    ...resultLines(run),
    ...caseLines(run, chosen),
    ...section(
      'Findings',
      run.findings.map(
        ({ severity, message, where }) => `${severity}: ${message}${where ? ` (${where})` : ''}`,
      ),
    ),
    ...section('Plan', facts(Object.entries(run.fields).filter(([, value]) => value !== null))),
    ...section('Environment', facts(Object.entries(run.environment))),
  ].join('\n');
}

function weightsText({ weights }: RunRecord): string | null {
  if (weights === null) return null;
  return weights.file === null ? weights.origin : `${weights.origin} (${weights.file})`;
}

function resultLines(run: RunRecord): string[] {
  const shown = recordFields({ ...run, fields: {}, environment: {} });
  const names = Object.keys(run.results).map((name) => (name === 'steps' ? 'stepsDone' : name));
  const lines = facts(names.map((name) => [name, shown[name]]));
  const note = run.results.validationSlices === 'sampled' ? ['Validation so far is on sampled slices.'] : [];
  return section('Results', [...lines, ...note]);
}

function caseLines(run: RunRecord, chosen: readonly ChosenPatient[]): string[] {
  if (run.cases.length === 0) return [];
  const number = (value: number | null, digits: number) => (value === null ? '' : value.toFixed(digits));
  const used = new Set(chosen.map(({ patient }) => patient));
  const isFlagged = ({ patient, side }: CaseRecord) => side !== 'validation' && used.has(patient);
  const rows = run.cases.map((c) => [
    isFlagged(c) ? `${c.case} !` : c.case,
    c.patient,
    c.side,
    c.grid,
    number(c.liverDice, 3),
    number(c.lesionDice, 3),
    number(c.liverIoU, 3),
    number(c.lesionIoU, 3),
    number(c.lesionMl, 1),
    number(c.lesionReferenceMl, 1),
  ]);
  const header = [
    'case',
    'patient',
    'side',
    'grid',
    'liver Dice',
    'lesion Dice',
    'liver IoU',
    'lesion IoU',
    'lesion ml',
    'true ml',
  ];
  const notes = chosen.map(
    ({ patient, choseIn, times }) =>
      `! ${patient} chose something in ${times === 1 ? '' : `${times} runs, for example `}${choseIn.map((folder) => folder || '.').join(', ')}: its score is none of an unseen patient.`,
  );
  if (run.watched.length > 0) {
    notes.push(`watched: ${run.watched.join(', ')} was scored after each epoch, for the eye (--watch-test).`);
  }
  return section('Cases', [renderTable(header, rows), ...notes]);
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', title, ...lines];
}

function facts(entries: readonly (readonly [string, unknown])[]): string[] {
  const known = entries.filter(([, value]) => value !== null && value !== undefined);
  const width = Math.max(...known.map(([name]) => name.length));
  return known.map(([name, value]) => `  ${name.padEnd(width)}  ${String(value)}`);
}
