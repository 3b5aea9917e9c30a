import { isTested } from '../export/export-run.ts';
import { patientFiles } from '../record/patient-files.ts';
import type { RunRecord } from '../record/run-record.ts';
import type { IndexDatabase } from './index-database.ts';

/** A patient that tested a run although it chose something in a run of the store: that score is no test. */
export interface ChosenPatient {
  readonly patient: string;
  /** Runs, relative to the store, in which it chose: up to five of them, and how many there are. */
  readonly choseIn: readonly string[];
  readonly times: number;
}

/**
 * Which patients tested a run and chose checkpoint, thresholds or a winner somewhere in the store.
 * A patient of another run is the same one when a case has the same files, by their hashes; where the hash is not
 * known on one side, when the name is the same.
 */
export function findChosen(database: IndexDatabase, record: RunRecord): ChosenPatient[] {
  const select = database.prepare(
    `SELECT DISTINCT runs.folder FROM choosers JOIN runs ON runs.id = choosers.run
     WHERE (patient = ? AND (hash = '' OR ?)) OR (hash <> '' AND hash IN (SELECT value FROM json_each(?)))
     ORDER BY runs.folder`,
  );
  const tested = new Set(record.cases.filter((one) => isTested(record, one)).map(({ patient }) => patient));
  return [...tested].flatMap((patient) => {
    const known = patientFiles(record, patient);
    const anyName = known.length === 0 || record.choosers.includes(patient);
    const rows = select.all(patient, anyName ? 1 : 0, JSON.stringify(known)) as { folder: string }[];
    const choseIn = rows.map(({ folder }) => folder);
    return choseIn.length === 0 ? [] : [{ patient, choseIn: choseIn.slice(0, 5), times: choseIn.length }];
  });
}
