import { PipelineError } from '../errors/pipeline-error.ts';
import type { Folds } from './folds.ts';

/** A case as it is now. */
export interface PresentCase {
  readonly id: string;
  readonly patient: string;
  readonly hash: string;
}

/** What is otherwise than when the folds were made, in words. */
export function changesSince(folds: Folds, cases: readonly PresentCase[]): string[] {
  const before = new Map(
    Object.entries(folds.patients).flatMap(([patient, { cases: ids }]) =>
      ids.map((id) => [id, patient] as const),
    ),
  );
  const now = new Map(cases.map((c) => [c.id, c]));
  const gone = [...before.keys()].filter((id) => !now.has(id)).map((id) => `${id} is gone`);
  const other = cases.flatMap(({ id, patient, hash }) => {
    const owner = before.get(id);
    if (owner === undefined) return [`${id} is new`];
    return [
      ...(hash === folds.files[id] ? [] : [`the files of ${id} have changed`]),
      ...(owner === patient ? [] : [`${id} was of patient ${owner} and is now of patient ${patient}`]),
    ];
  });
  return [...gone, ...other];
}

/**
 * Checks that a data set is still the one that was divided.
 * @param cases the labelled ones
 * @throws PipelineError `data-changed` with every case that is otherwise
 */
export function assertFoldsFit(folds: Folds, cases: readonly PresentCase[], where: string): void {
  const changes = changesSince(folds, cases);
  if (changes.length === 0) return;
  const most = 8;
  throw new PipelineError('data-changed', 'The data set is not the one that the folds were made of.', {
    where,
    found:
      changes.slice(0, most).join('; ') +
      (changes.length > most ? `; and ${changes.length - most} more` : ''),
    expected: 'the files, cases and patients as they were then',
    advice:
      'Restore the data, or make new folds with glisson folds --force: scores on the old ones can no longer be compared.',
  });
}
