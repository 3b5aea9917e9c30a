import type { CaseRecord } from '../record/run-record.ts';
import type { ExportRun } from './export-run.ts';
import type { Cell } from './export-table.ts';
import { isSetting, variedFields } from './run-tables.ts';

/** More would not fit on a page; the other formats have them all. */
const mostVaried = 6;

/**
 * Runs as a table of GitHub's Markdown, for a README or a paper: recipe, first weights, the settings that differ between the
 * runs, Dice on validation and test patients to three decimals. Columns that no run has a value in are left out. Test results of
 * patients that chose something bear a dagger and a line below says who they are.
 */
export function markdownText(runs: readonly ExportRun[]): string {
  const varied = variedFields(runs).filter((name) => isSetting(name) && name !== 'recipe');
  const shown = varied.filter((name) => name !== 'training.seed').slice(0, mostVaried);
  const columns: readonly MarkdownColumn[] = [
    { title: 'Run', value: ({ name }) => name },
    { title: 'Recipe', value: ({ record }) => record.recipe },
    { title: 'First weights', value: ({ record }) => record.weights?.origin ?? null },
    { title: 'Seed', isNumber: true, value: ({ record }) => record.seed },
    ...shown.map((name): MarkdownColumn => {
      const values = runs.map(({ record }) => record.fields[name] ?? null);
      return {
        title: name,
        isNumber: values.every((value) => value === null || typeof value === 'number'),
        value: ({ record }) => record.fields[name] ?? null,
      };
    }),
    { title: 'Epoch', isNumber: true, value: ({ record }) => record.results.bestEpoch },
    score('Validation liver Dice', ({ record }) => record.results.validationLiverDice),
    score('Validation lesion Dice', ({ record }) => record.results.validationLesionDice),
    countOf('Validation cases', (one) => one.side === 'validation'),
    score('Test liver Dice', ({ record }) => record.results.testLiverDice, true),
    score('Test lesion Dice', ({ record }) => record.results.testLesionDice, true),
    countOf('Test cases', (one) => one.side === 'test'),
    score('Evaluated liver Dice', ({ record }) => record.results.evaluatedLiverDice, true),
    score('Evaluated lesion Dice', ({ record }) => record.results.evaluatedLesionDice, true),
    { title: 'State', value: ({ record }) => (record.state === 'finished' ? null : record.state) },
  ];
  const kept = columns.filter(
    ({ title, value }) => title === 'Run' || runs.some((run) => value(run) !== null),
  );
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const notes = notesOf(
    runs,
    varied.length - varied.filter((name) => shown.includes(name) || name === 'training.seed').length,
  );
  return [
    line(kept.map(({ title }) => escapeText(title))),
    line(kept.map(({ isNumber }) => (isNumber === true ? '---:' : '---'))),
    ...runs.map((run) => line(kept.map((column) => cellText(column, run)))),
    ...notes.flatMap((note) => ['', note]),
  ]
    .map((text) => `${text}\n`)
    .join('');
}

interface MarkdownColumn {
  readonly title: string;
  readonly isNumber?: boolean;
  readonly digits?: number;
  readonly isTestResult?: boolean;
  value(run: ExportRun): Cell;
}

function score(title: string, value: (run: ExportRun) => Cell, isTestResult = false): MarkdownColumn {
  return { title, isNumber: true, digits: 3, isTestResult, value };
}

/** A mean of one case is no mean: how many there are stands beside it. */
function countOf(title: string, isCounted: (one: CaseRecord) => boolean): MarkdownColumn {
  const value = ({ record }: ExportRun) =>
    new Set(record.cases.filter(isCounted).map((one) => one.case)).size || null;
  return { title, isNumber: true, value };
}

function cellText({ digits, isTestResult, value }: MarkdownColumn, run: ExportRun): string {
  const cell = value(run);
  if (cell === null) return '';
  const text = typeof cell === 'number' && digits !== undefined ? cell.toFixed(digits) : String(cell);
  return escapeText(text) + (isTestResult === true && run.flaggedPatients.length > 0 ? ' †' : '');
}

function notesOf(runs: readonly ExportRun[], hidden: number): string[] {
  const notes: string[] = [];
  const flagged = [...new Set(runs.flatMap(({ flaggedPatients }) => flaggedPatients))].sort();
  if (flagged.length > 0) {
    notes.push(
      `† Not of unseen patients only: ${escapeText(flagged.join(', '))} chose a checkpoint, a threshold or a winner, in the run or in another one.`,
    );
  }
  if (runs.some(({ record }) => record.results.validationSlices === 'sampled')) {
    notes.push('Validation Dice of runs that have not finished are of a sample of slices.');
  }
  if (hidden > 0) notes.push(`${hidden} more settings differ between these runs.`);
  return notes;
}

/** Text that stays text inside a table: no markup, no HTML, no line breaks. */
function escapeText(text: string): string {
  return text
    .replaceAll(/[\\`*_[\]<>|~$]/g, (character) => `\\${character}`)
    .replaceAll(/\s*[\r\n]+\s*/g, ' ');
}
