import {
  compareRuns,
  fewestPatients,
  type RunComparison,
} from '@glisson/pipeline/experiments/compare/compare-runs';
import { runNames } from '@glisson/pipeline/experiments/export/run-names';
import type { RunRecord } from '@glisson/pipeline/experiments/record/run-record';
import type { ChosenPatient } from '@glisson/pipeline/experiments/store/chosen-patients';
import { findRun } from '@glisson/pipeline/experiments/store/find-run';
import { renderTable } from '../terminal/table.ts';
import type { VerbContext, VerbResult } from '../verb.ts';
import { withStore } from './with-store.ts';

/** `runs compare RUN RUN ...` */
export async function compareAction(
  names: readonly string[],
  options: { readonly runs?: string; readonly seed?: number },
  context: VerbContext,
): Promise<VerbResult> {
  return withStore(options.runs, context, async (store) => {
    const records: RunRecord[] = [];
    for (const name of names) records.push(await findRun(store, name));
    const comparison = compareRuns(records, options.seed);
    const chosen = records.map((record) => store.chosen(record));
    const titles = runNames(comparison.runs, store.folder);
    return {
      json: {
        schema: 'glisson.runs-compare/1',
        ...comparison,
        usedForChoosing: records.map(({ folder }, n) => ({ run: folder, patients: chosen[n] })),
      },
      text: comparisonText(comparison, records, titles, chosen.flat()),
    };
  });
}

function comparisonText(
  comparison: RunComparison,
  records: readonly RunRecord[],
  titles: readonly string[],
  chosen: readonly ChosenPatient[],
): string {
  const { plan, differences, unpaired, runs, resamples, seed } = comparison;
  const titleOf = (folder: string) => titles[runs.indexOf(folder)]!;
  const lines = ['Plans differ in:'];
  if (plan.length === 0) lines.push('  nothing');
  else {
    const rows = plan.map(({ field, values }) => [field, ...values.map((value) => shownValue(value))]);
    lines.push(renderTable(['field', ...titles], rows));
  }
  const weights = records.map((record) => record.weights?.origin ?? 'unknown');
  if (new Set(weights).size > 1)
    lines.push(`First weights: ${weights.map((w, n) => `${titles[n]} ${w}`).join(', ')}.`);
  for (const [n, { damage }] of records.entries()) {
    if (damage !== undefined) lines.push(`damaged: ${titles[n]}: ${damage}`);
  }

  lines.push('', `Scores on the same cases, less those of ${titles[0]}:`);
  const used = new Set(chosen.map(({ patient }) => patient));
  if (differences.length === 0) lines.push('  none: no case was scored in both');
  else {
    const rows = differences.map((d) => [
      titleOf(d.run),
      d.side === 'test' && used.size > 0 ? 'test !' : d.side,
      d.grid,
      d.measure,
      `${d.patients} (${d.cases})`,
      d.first.toFixed(3),
      d.other.toFixed(3),
      signed(d.difference),
      d.interval === null ? 'too few patients' : `${signed(d.interval.low)} to ${signed(d.interval.high)}`,
    ]);
    lines.push(
      renderTable(
        [
          'run',
          'side',
          'grid',
          'measure',
          'patients (cases)',
          titles[0]!,
          'run',
          'difference',
          '95 % interval',
        ],
        rows,
      ),
      '',
      `Intervals: bootstrap over patients, bias-corrected and accelerated, ${resamples} draws, seed ${seed}; none below ${fewestPatients} patients.`,
      'What is better is decided on validation patients; test scores only tell how well that worked.',
    );
  }
  for (const { patient, choseIn } of uniquePatients(chosen)) {
    lines.push(
      `! ${patient} chose something in ${choseIn.join(', ')}: its score is none of an unseen patient.`,
    );
  }
  for (const { run, side, grid, onlyFirst, onlyOther, otherFiles } of unpaired) {
    const parts = [
      onlyFirst.length > 0 && `only in ${titles[0]}: ${onlyFirst.join(', ')}`,
      onlyOther.length > 0 && `only in ${titleOf(run)}: ${onlyOther.join(', ')}`,
      otherFiles.length > 0 && `of one name, but other files: ${otherFiles.join(', ')}`,
    ].filter((part) => part !== false);
    lines.push(`Left out of ${side} (${grid}): ${parts.join('; ')}.`);
  }
  return lines.join('\n');
}

function uniquePatients(chosen: readonly ChosenPatient[]): ChosenPatient[] {
  return [...new Map(chosen.map((one) => [one.patient, one])).values()];
}

function signed(value: number): string {
  return `${value < 0 ? '-' : '+'}${Math.abs(value).toFixed(3)}`;
}

function shownValue(value: unknown): string {
  const text = value === undefined ? '-' : value === null ? 'none' : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
