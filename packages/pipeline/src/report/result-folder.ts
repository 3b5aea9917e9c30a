import { readdir } from 'node:fs/promises';
import { PipelineError } from '../errors/pipeline-error.ts';

/** What `writeSegmentation` writes: the only things that --force may remove. */
const entriesOfAResult = [
  'labels.nii.gz',
  'lesions.csv',
  'lesions.json',
  'masks',
  'masks-liver',
  'overview.png',
  'provenance.json',
  'report.html',
];

/**
 * Checks that a folder may be replaced by a result: it is not there, empty, or an earlier result and nothing else.
 * Without this, --force on a folder of scans would remove the scans.
 * @throws PipelineError `result-invalid`
 */
export async function assertMayReplaceResult(folder: string): Promise<void> {
  const names = await readdir(folder).catch((): string[] => []);
  const strange = names.filter((name) => !entriesOfAResult.includes(name));
  if (names.length === 0 || (strange.length === 0 && names.includes('provenance.json'))) return;
  throw new PipelineError('result-invalid', 'The folder holds something else than a result.', {
    where: folder,
    found: (strange.length > 0 ? strange : names).slice(0, 5).join(', '),
    expected: 'an earlier result of glisson segment, or an empty folder',
    advice: 'Choose another folder: --force replaces results only.',
  });
}
