import { createRandom, shuffle } from '@glisson/imaging/random/seeded-random';
import { PipelineError } from '../errors/pipeline-error.ts';

/** A patient with what folds are to be alike in; null when it is not known. */
export interface PatientBurden {
  readonly patient: string;
  readonly lesionMl: number | null;
}

/**
 * Deals patients to `count` folds whose sizes differ by one at most. Where the volume of lesions is known of all, patients go in
 * its order, largest first, and each row of `count` patients is dealt to different folds, so that all folds hold
 * large, small and no lesions alike. As many folds as patients leave one out each, in order of name.
 * The order of `patients` does not matter.
 * @throws PipelineError `split-impossible` for fewer than two folds, or fewer patients than folds
 */
export function dealPatients(patients: readonly PatientBurden[], count: number, seed: number): string[][] {
  if (!Number.isInteger(count) || count < 2 || count > patients.length) {
    throw new PipelineError('split-impossible', 'The patients cannot be divided into so many folds.', {
      found: `${count} fold${count === 1 ? '' : 's'} of ${patients.length} patient${patients.length === 1 ? '' : 's'}`,
      expected: `from 2 folds to as many as there are patients`,
      advice:
        patients.length < 2
          ? 'Name the patients of the scans in patients.csv, if there are several.'
          : `Choose --folds 2 to ${patients.length}; ${patients.length} leaves one patient out at a time.`,
    });
  }
  const byName = [...patients].sort((a, b) => (a.patient < b.patient ? -1 : 1));
  if (count === patients.length) return byName.map(({ patient }) => [patient]);

  const isKnown = byName.every(({ lesionMl }) => lesionMl !== null);
  const mixed = shuffle(byName, createRandom(seed, 'folds'));
  // Sorting keeps the order of equals: those without lesions stay mixed.
  const dealt = isKnown ? mixed.sort((a, b) => b.lesionMl! - a.lesionMl!) : mixed;
  const folds = Array.from({ length: count }, (): string[] => []);
  for (let row = 0; row * count < dealt.length; row++) {
    const order = shuffle([...folds.keys()], createRandom(seed, 'folds', row));
    for (const [i, { patient }] of dealt.slice(row * count, (row + 1) * count).entries())
      folds[order[i]!]!.push(patient);
  }
  return folds.map((fold) => fold.sort());
}
