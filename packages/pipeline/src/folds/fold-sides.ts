import { createRandom, shuffle } from '@glisson/imaging/random/seeded-random';
import { PipelineError } from '../errors/pipeline-error.ts';
import type { Folds } from './folds.ts';

export interface FoldChoice {
  /** From 1. */
  readonly fold: number;
  /**
   * Of nested validation: the fold tests, and so many patients of the others validate. They are drawn with the seed of the folds,
   * the same for every training seed, from patients with lesions where there are enough. Absent: the fold validates, nobody
   * tests.
   */
  readonly innerPatients?: number;
}

/** Patients of the two held-out sides; all others train. */
export interface FoldSides {
  readonly validation: readonly string[];
  readonly test: readonly string[];
}

/** @throws PipelineError `option-invalid` for a fold that is not there, `split-impossible` when nobody is left to train on */
export function foldSides(folds: Folds, { fold, innerPatients }: FoldChoice): FoldSides {
  const held = folds.folds[fold - 1];
  if (held === undefined) {
    throw new PipelineError('option-invalid', 'There is no such fold.', {
      found: `fold ${fold}`,
      expected: `1 to ${folds.folds.length}`,
    });
  }
  if (innerPatients === undefined) return { validation: held, test: [] };
  const others = folds.folds.flatMap((patients, f) => (f === fold - 1 ? [] : patients)).sort();
  if (!Number.isInteger(innerPatients) || innerPatients < 1 || innerPatients >= others.length) {
    throw new PipelineError('split-impossible', 'No patient would be left to train on.', {
      found: `${innerPatients} inner validation patient${innerPatients === 1 ? '' : 's'} of the ${others.length} outside fold ${fold}`,
      expected: others.length < 2 ? 'three patients at least' : `1 to ${others.length - 1}`,
      advice: 'Draw fewer, or add patients.',
    });
  }
  const hasLesion = (patient: string) => (folds.patients[patient]?.lesionMl ?? 0) > 0;
  const mixed = shuffle([...others], createRandom(folds.seed, 'inner validation', fold));
  // Who has no lesion cannot say which checkpoint finds lesions: they come last.
  const ranked = [...mixed.filter(hasLesion), ...mixed.filter((patient) => !hasLesion(patient))];
  return { validation: ranked.slice(0, innerPatients).sort(), test: held };
}
