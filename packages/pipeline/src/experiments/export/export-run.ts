import type { RunRecord } from '../record/run-record.ts';

/** A run on its way out of the store. */
export interface ExportRun {
  /** Unique among the exported: the folder relative to the store, with `/`. */
  readonly name: string;
  readonly record: RunRecord;
  /** Test patients of this run that chose something, here or in another run: their scores are not those of unseen patients. */
  readonly flaggedPatients: readonly string[];
}
