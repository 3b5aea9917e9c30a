import type { CaseRecord, RunRecord } from '../record/run-record.ts';

/** A run on its way out of the store. */
export interface ExportRun {
  /** Unique among the exported: the folder relative to the store, with `/`. */
  readonly name: string;
  readonly record: RunRecord;
  /** Tested patients (see `isTested`) of this run that chose something, here or in another run: their scores are not those of unseen patients. */
  readonly flaggedPatients: readonly string[];
}

/** Whether a case's score is read as one of an unseen patient: those of the test side, and in an evaluation all but those trained on. */
export function isTested({ kind }: RunRecord, { side }: CaseRecord): boolean {
  return side === 'test' || (kind === 'evaluate' && side !== 'train');
}

/** Whether a case's patient chose something. */
export function choseSomething({ record, flaggedPatients }: ExportRun, { patient }: CaseRecord): boolean {
  return record.choosers.includes(patient) || flaggedPatients.includes(patient);
}
