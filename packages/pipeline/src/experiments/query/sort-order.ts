import { PipelineError } from '../../errors/pipeline-error.ts';

/** By what runs are sorted. Runs without the value come last either way; numbers come before text. */
export interface SortOrder {
  readonly field: string;
  readonly descending: boolean;
}

/** Reads `field`, `field:asc` or `field:desc`. @throws PipelineError `option-invalid` */
export function parseSort(text: string): SortOrder {
  const [field = '', direction = 'asc', ...rest] = text.split(':');
  if (field !== '' && rest.length === 0 && (direction === 'asc' || direction === 'desc')) {
    return { field, descending: direction === 'desc' };
  }
  throw new PipelineError('option-invalid', 'The order cannot be read.', {
    where: `--sort ${text}`,
    expected: 'a field, with :desc for the largest first, for example validationLesionDice:desc',
  });
}
