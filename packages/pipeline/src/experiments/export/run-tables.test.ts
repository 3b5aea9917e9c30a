import { describe, expect, test } from 'vitest';
import { noResults } from '../record/run-record.ts';
import type { ExportTable } from './export-table.ts';
import { casesTable, flagColumn, hyperparametersTable, runsTable, wholeTable } from './run-tables.ts';
import { fixtureRun } from './testing/fixture-run.ts';

function records(table: ExportTable) {
  return table.rows.map(({ cells }) =>
    Object.fromEntries(table.columns.map(({ name }, i) => [name, cells[i]])),
  );
}

const clean = fixtureRun('a');
const flagged = fixtureRun('b', { fields: { ...clean.record.fields, 'training.seed': 8, extra: 'x' } }, [
  'patient-2',
]);
const damaged = fixtureRun('c', {
  state: 'damaged',
  damage: 'plan.json is empty',
  recipe: null,
  started: 'no date',
  weights: null,
  fields: {},
  results: noResults,
  cases: [],
});

describe('the table of runs', () => {
  test('has facts as they are: numbers, dates, nothing where nothing is known', () => {
    const [first, , third] = records(runsTable([clean, flagged, damaged]));
    expect(first).toMatchObject({
      run: 'a',
      weights: 'phantoms',
      seed: 7,
      validationLesionDice: 0.30000000000000004,
      testLesionDice: 0.25,
      started: new Date('2026-11-25T15:22:03.500Z'),
      coreSeconds: 201.125,
      problem: null,
    });
    expect(third).toMatchObject({
      state: 'damaged',
      problem: 'plan.json is empty',
      started: null,
      testLesionDice: null,
      [flagColumn]: null,
    });
  });

  test('says in each row with test results whether their patients chose something', () => {
    const table = runsTable([clean, flagged]);
    expect(records(table).map((row) => row[flagColumn])).toEqual(['none', 'patient-2']);
    expect(table.rows.map(({ isFlagged }) => isFlagged)).toEqual([false, true]);
    expect(table.columns.filter(({ isTestResult }) => isTestResult).map(({ name }) => name)).toContain(
      'testLesionDice',
    );
    expect(table.columns.find(({ name }) => name === 'validationLesionDice')?.isTestResult).toBe(false);
  });
});

describe('the table of hyperparameters', () => {
  test('has what differs first; a run without a plan makes no difference', () => {
    const { columns, rows } = hyperparametersTable([clean, flagged, damaged]);
    expect(columns.map(({ name }) => name)).toEqual([
      'run',
      'extra',
      'training.seed',
      'postprocess.lesionsInLiverOnly',
      'recipe',
      'training.optimiser.learningRate',
      'training.patchSize',
      'training.small',
    ]);
    expect(rows.map(({ cells }) => cells.slice(0, 3))).toEqual([
      ['a', null, 7],
      ['b', 'x', 8],
      ['c', null, null],
    ]);
  });
});

describe('the table of cases', () => {
  test('has a row for each case of each run, and flags test cases only', () => {
    const table = casesTable([clean, flagged]);
    expect(records(table).map((row) => [row.run, row.case, row.lesionDice, row.usedForChoosing])).toEqual([
      ['a', 'volume-1', 0.30000000000000004, true],
      ['a', 'volume-2', 0.25, false],
      ['b', 'volume-1', 0.30000000000000004, true],
      ['b', 'volume-2', 0.25, true],
    ]);
    expect(table.rows.map(({ isFlagged }) => isFlagged)).toEqual([false, false, false, true]);
  });
});

test('the whole in one table: every row has all columns, and each name stands once', () => {
  const { columns, rows } = wholeTable([clean, flagged, damaged]);
  expect(new Set(columns.map(({ name }) => name)).size).toBe(columns.length);
  expect(rows.map(({ cells }) => cells.length)).toEqual(rows.map(() => columns.length));
  expect(columns.map(({ name }) => name)).toContain('plan.training.optimiser.learningRate');
});
