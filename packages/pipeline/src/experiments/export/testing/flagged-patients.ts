import { patientFiles } from '../../record/patient-files.ts';
import type { RunRecord } from '../../record/run-record.ts';
import { isTested } from '../export-run.ts';

/**
 * The rule of `findChosen` on plain records, which the index is tested against: finds the tested patients of a run that chose something, in this run or in any other of its store: their scores are not
 * those of unseen patients. A patient of another run is the same one when a case has the same files, by their hashes; where the
 * hash is not known on one side, when the name is the same.
 * @param store all runs, also those that are not shown: what chose is gathered once
 */
export function createFlagger(store: readonly RunRecord[]): (run: RunRecord) => string[] {
  const hashes = new Set<string>();
  const names = new Set<string>();
  const namesWithoutHash = new Set<string>();
  for (const run of store) {
    for (const patient of run.choosers) {
      const known = patientFiles(run, patient);
      names.add(patient);
      if (known.length === 0) namesWithoutHash.add(patient);
      for (const hash of known) hashes.add(hash);
    }
  }
  return (run) => {
    const tested = new Set(run.cases.filter((one) => isTested(run, one)).map(({ patient }) => patient));
    return [...tested].filter((patient) => {
      if (run.choosers.includes(patient)) return true;
      const known = patientFiles(run, patient);
      if (known.length === 0) return names.has(patient);
      return known.some((hash) => hashes.has(hash)) || namesWithoutHash.has(patient);
    });
  };
}
