import { PipelineError } from '../errors/pipeline-error.ts';
import { type FoldSides, foldSides } from './fold-sides.ts';
import { type Folds, foldsHash } from './folds.ts';
import { foldsFileOf, readFolds } from './folds-file.ts';

/** How a training names its fold. */
export interface FoldOptions {
  readonly data: string;
  readonly folds?: string;
  readonly fold?: number;
  readonly innerValidation?: number;
  readonly validation?: readonly string[];
  readonly test?: readonly string[];
}

/** A fold that was read. */
export interface ChosenFold {
  readonly file: string;
  readonly folds: Folds;
  readonly foldsHash: string;
  readonly sides: FoldSides;
}

/**
 * Reads the fold that a training is to hold out; undefined when it names none.
 * @throws PipelineError `option-invalid` when the options contradict each other or the fold is not there, `folds-invalid`,
 * `split-impossible`
 */
export async function readFold(options: FoldOptions): Promise<ChosenFold | undefined> {
  const { folds: named, fold, innerValidation } = options;
  const contradiction = (found: string, advice: string) =>
    new PipelineError('option-invalid', 'It is not clear which patients are held out.', { found, advice });
  if (fold === undefined) {
    if (named !== undefined) throw contradiction('folds, but no fold', 'Say which with --fold.');
    if (innerValidation !== undefined)
      throw contradiction('inner validation, but no fold', 'Say which fold tests with --fold.');
    return undefined;
  }
  if (options.validation !== undefined || options.test !== undefined) {
    throw contradiction('a fold, and patients by name', 'Give either --fold, or --validation and --test.');
  }
  const file = named ?? foldsFileOf(options.data);
  const folds = await readFolds(file);
  const sides = foldSides(folds, { fold, innerPatients: innerValidation });
  return { file, folds, foldsHash: foldsHash(folds), sides };
}
