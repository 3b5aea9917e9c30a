import type { ExportRun } from './export-run.ts';

/** What `runs export --format json` writes. */
export function jsonDocument(runs: readonly ExportRun[]) {
  return {
    schema: 'glisson.runs-export/1',
    notice: 'Research use only, not a medical device.',
    runs: runs.map(({ name, record, flaggedPatients }) => ({
      name,
      ...record,
      cases: record.cases.map((one) => ({
        ...one,
        usedForChoosing: record.choosers.includes(one.patient) || flaggedPatients.includes(one.patient),
      })),
      testPatientsUsedForChoosing: flaggedPatients,
    })),
  };
}
