import { type CaseRecord, noResults, type RunRecord, type RunResults } from '../record/run-record.ts';
import { choseSomething, type ExportRun, isTested } from './export-run.ts';
import type { Cell, Column, ExportTable, Row } from './export-table.ts';

export const runTableNames = ['runs', 'hyperparameters', 'cases'] as const;
export type RunTableName = (typeof runTableNames)[number];

/** Says in every row with test results whether they can be believed. */
export const flagColumn = 'testPatientsUsedForChoosing';

const resultNames = Object.keys(noResults) as (keyof RunResults)[];
const isTestResult = (name: string) => /^(test|evaluated)[A-Z]/.test(name);

/** One row a run: what it was, what came out, what it took. */
export function runsTable(runs: readonly ExportRun[]): ExportTable {
  const before: readonly FactColumn[] = [
    ['run', ({ name }) => name],
    ['id', ({ record }) => record.id],
    ['kind', ({ record }) => record.kind],
    ['state', ({ record }) => record.state],
    ['recipe', ({ record }) => record.recipe],
    ['weights', ({ record }) => record.weights?.origin ?? null],
    ['seed', ({ record }) => record.seed],
    ['sweep', ({ record }) => record.sweep?.id ?? null],
    ['trial', ({ record }) => record.sweep?.trial ?? null],
  ];
  const after: readonly FactColumn[] = [
    [flagColumn, flagText],
    ['testPatientsWatched', ({ record }) => record.watched.join(', ') || null],
    ['choosers', ({ record }) => record.choosers.join(', ') || null],
    ['started', ({ record }) => timeOf(record.started)],
    ['ended', ({ record }) => timeOf(record.ended)],
    ['seconds', ({ record }) => record.seconds],
    ['coreSeconds', ({ record }) => record.coreSeconds],
    ['gitCommit', ({ record }) => record.gitCommit],
    ['planHash', ({ record }) => record.planHash],
    ['modelHash', ({ record }) => record.modelHash],
    ['dataHash', ({ record }) => record.dataHash],
    ['foldsHash', ({ record }) => record.foldsHash],
    ['weightsFile', ({ record }) => record.weights?.file ?? null],
    ['weightsSha256', ({ record }) => record.weights?.sha256 ?? null],
    ['findings', ({ record }) => record.findings.map((finding) => finding.message).join(' ') || null],
    ['problem', ({ record }) => problemOf(record)],
    ['folder', ({ record }) => record.folder],
  ];
  const columns: Column[] = [
    ...before.map(([name]) => ({ name })),
    ...resultNames.map((name) => ({ name, isTestResult: isTestResult(name) })),
    ...after.map(([name]) => ({ name })),
  ];
  const rows = runs.map((run) => ({
    cells: [
      ...before.map(([, value]) => value(run)),
      ...resultNames.map((name) => run.record.results[name]),
      ...after.map(([, value]) => value(run)),
    ],
    isFlagged: run.flaggedPatients.length > 0,
  }));
  return { name: 'runs', columns, rows };
}

type FactColumn = readonly [name: string, value: (run: ExportRun) => Cell];

/**
 * One row a run, one column a field of the plan that any of them has: first the settings that differ between the runs, then what
 * else differs (data, split, thresholds that were chosen), then the rest, each in alphabetical order.
 */
export function hyperparametersTable(runs: readonly ExportRun[]): ExportTable {
  const names = fieldNames(runs);
  return {
    name: 'hyperparameters',
    columns: ['run', ...names].map((name) => ({ name })),
    rows: runs.map((run) => ({
      cells: [run.name, ...names.map((name) => run.record.fields[name] ?? null)],
      isFlagged: false,
    })),
  };
}

/** Names of the plans' fields: settings that differ between the runs, what else differs, the rest. */
function fieldNames(runs: readonly ExportRun[]): string[] {
  const varied = variedFields(runs);
  const all = new Set(runs.flatMap(({ record }) => Object.keys(record.fields)));
  return [
    ...varied.filter(isSetting),
    ...varied.filter((name) => !isSetting(name)),
    ...[...all].filter((name) => !varied.includes(name)).sort(),
  ];
}

/** Whether somebody chose a field's value; the others follow from the data and the split, or training chooses them. */
export function isSetting(name: string): boolean {
  return !/^(fingerprint|split|labels)\b|^postprocess\.\w+Threshold$/.test(name);
}

/** Fields that not all runs have with one value, in alphabetical order; runs without a plan do not count. */
export function variedFields(runs: readonly ExportRun[]): string[] {
  const planned = runs.map(({ record }) => record.fields).filter((fields) => Object.keys(fields).length > 0);
  const all = new Set(planned.flatMap((fields) => Object.keys(fields)));
  return [...all].filter((name) => planned.some((fields) => fields[name] !== planned[0]![name])).sort();
}

const caseColumns: readonly (keyof CaseRecord)[] = [
  'case',
  'patient',
  'side',
  'grid',
  'liverDice',
  'lesionDice',
  'liverIoU',
  'lesionIoU',
  'liverMl',
  'lesionMl',
  'liverReferenceMl',
  'lesionReferenceMl',
];

/** One row for each case of each run, in long form. `usedForChoosing`: the case's patient chose something. */
export function casesTable(runs: readonly ExportRun[]): ExportTable {
  const columns: Column[] = [
    { name: 'run' },
    { name: 'recipe' },
    ...caseColumns.map((name) => ({ name, isTestResult: /Dice|IoU|Ml$/.test(name) })),
    { name: 'usedForChoosing' },
  ];
  const rows = runs.flatMap((run): Row[] =>
    run.record.cases.map((one) => ({
      cells: [
        run.name,
        run.record.recipe,
        ...caseColumns.map((column) => one[column]),
        choseSomething(run, one),
      ],
      isFlagged: isTested(run.record, one) && choseSomething(run, one),
    })),
  );
  return { name: 'cases', columns, rows };
}

/** One row a run with everything of it: the table for whoever wants a single file. */
export function wholeTable(runs: readonly ExportRun[]): ExportTable {
  const facts = runsTable(runs);
  const fields = hyperparametersTable(runs);
  return {
    name: 'runs',
    columns: [...facts.columns, ...fields.columns.slice(1).map(({ name }) => ({ name: `plan.${name}` }))],
    rows: facts.rows.map(({ cells, isFlagged }, i) => ({
      cells: [...cells, ...fields.rows[i]!.cells.slice(1)],
      isFlagged,
    })),
  };
}

function flagText({ record, flaggedPatients }: ExportRun): string | null {
  if (flaggedPatients.length > 0) return flaggedPatients.join(', ');
  return record.cases.some((one) => isTested(record, one)) ? 'none' : null;
}

function problemOf({ damage, error }: RunRecord): string | null {
  return damage ?? error;
}

/** A time as a date, so that spreadsheets can sort it; null where it is none. */
function timeOf(text: string | null): Date | null {
  const time = new Date(text ?? Number.NaN);
  return Number.isNaN(time.getTime()) ? null : time;
}
