import { describe, expect, test } from 'vitest';
import type { RunRecord } from '../record/run-record.ts';
import { fixtureRun } from './testing/fixture-run.ts';
import { createFlagger } from './testing/flagged-patients.ts';

/** Tests patient-2 (volume-2), chooses with patient-1 (volume-1). */
const run = (change: Partial<RunRecord> = {}) => fixtureRun('a', change).record;
/** Chooses with patient-2. */
const other = (change: Partial<RunRecord> = {}) =>
  fixtureRun('b', {
    choosers: ['patient-2'],
    cases: [],
    split: {
      train: [],
      validation: ['volume-2'],
      test: [],
      patients: { 'volume-2': 'patient-2' },
    },
    ...change,
  }).record;

describe('test patients that chose something', () => {
  test('in the run itself', () => {
    const own = run({ choosers: ['patient-1', 'patient-2'] });
    expect(createFlagger([own])(own)).toEqual(['patient-2']);
    expect(createFlagger([run()])(run())).toEqual([]);
  });

  test('also on the validation side of an evaluation: its scores are read as those of unseen patients', () => {
    const evaluation = run({ kind: 'evaluate', choosers: [] });
    expect(createFlagger([run(), evaluation])(evaluation)).toEqual(['patient-1']);
  });

  test('in another run of the store', () => {
    expect(createFlagger([run(), other()])(run())).toEqual(['patient-2']);
  });

  test('are known by their files: another patient of the same name is another one', () => {
    const here = run({ files: { 'volume-2': 'aa' } });
    expect(createFlagger([other({ files: { 'volume-2': 'bb' } })])(here)).toEqual([]);
    expect(createFlagger([other({ files: { 'volume-2': 'aa' } })])(here)).toEqual(['patient-2']);
    const renamed = other({
      choosers: ['somebody'],
      files: { x: 'aa' },
      split: { train: [], validation: ['x'], test: [], patients: { x: 'somebody' } },
    });
    expect(createFlagger([renamed])(here)).toEqual(['patient-2']);
  });

  test('by their names, where one side does not know the files', () => {
    expect(createFlagger([other()])(run({ files: { 'volume-2': 'aa' } }))).toEqual(['patient-2']);
    expect(createFlagger([other({ files: { 'volume-2': 'aa' } })])(run())).toEqual(['patient-2']);
  });
});
