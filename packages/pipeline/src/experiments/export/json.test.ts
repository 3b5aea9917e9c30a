import { expect, test } from 'vitest';
import { jsonDocument } from './json.ts';
import { fixtureRun } from './testing/fixture-run.ts';

test('JSON has the whole records, with the flags beside what they warn of', () => {
  const run = fixtureRun('a', {}, ['patient-2']);
  const document = JSON.parse(JSON.stringify(jsonDocument([run]))) as ReturnType<typeof jsonDocument>;
  const [first] = document.runs;
  expect(document.schema).toBe('glisson.runs-export/1');
  expect(first!.name).toBe('a');
  expect(first!.results).toEqual(run.record.results);
  expect(first!.fields).toEqual(run.record.fields);
  expect(first!.testPatientsUsedForChoosing).toEqual(['patient-2']);
  expect(first!.cases.map((one) => one.usedForChoosing)).toEqual([true, true]);
});
