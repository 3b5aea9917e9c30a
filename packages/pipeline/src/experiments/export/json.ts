import { choseSomething, type ExportRun } from './export-run.ts';

/** What `runs export --format json` writes. */
export function jsonDocument(runs: readonly ExportRun[]) {
  return {
    schema: 'glisson.runs-export/1',
    notice: 'Research use only, not a medical device.',
    runs: runs.map((run) => ({
      name: run.name,
      ...run.record,
      cases: run.record.cases.map((one) => ({ ...one, usedForChoosing: choseSomething(run, one) })),
      testPatientsUsedForChoosing: run.flaggedPatients,
    })),
  };
}
