import type { RunRecord } from './run-record.ts';

/** SHA-256 over the files of each case of a patient, as far as the run knows them. */
export function patientFiles({ files, split, cases }: RunRecord, patient: string): string[] {
  const ofSplit = Object.entries(split?.patients ?? {}).filter(([, one]) => one === patient);
  const ids = [
    ...ofSplit.map(([id]) => id),
    ...cases.filter((one) => one.patient === patient).map((one) => one.case),
  ];
  return [...new Set(ids)].flatMap((id) => files[id] ?? []);
}
