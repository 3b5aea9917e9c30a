import { stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { PipelineError } from '../errors/pipeline-error.ts';
import { caseIdOf, caseIdOfFile, findCaseFiles, matchCases } from './match-cases.ts';

/** Two labelmap files of one case. */
export interface FilePair {
  readonly id: string;
  readonly reference: string;
  readonly prediction: string;
}

/**
 * The files that `evaluatePaths` compares: the pair itself, or those of two folders that have a case in common.
 * @throws PipelineError `data-invalid` when there is nothing, or a file beside a folder without labels.nii.gz
 */
export async function pairFiles(reference: string, prediction: string): Promise<readonly FilePair[]> {
  const [a, b] = await Promise.all([isFolder(reference), isFolder(prediction)]);
  if (a && b) return matchCases(await findCaseFiles(reference), await findCaseFiles(prediction)).pairs;
  return [
    {
      id: a ? caseIdOf(basename(resolve(reference))) : caseIdOfFile(reference),
      reference: a ? await resultFile(reference, prediction) : reference,
      prediction: b ? await resultFile(prediction, reference) : prediction,
    },
  ];
}

/** The labels of a result folder of `glisson segment`, when a folder is compared with a file. */
async function resultFile(folder: string, file: string): Promise<string> {
  const labels = join(folder, 'labels.nii.gz');
  if (await stat(labels).catch(() => undefined)) return labels;
  throw new PipelineError('data-invalid', 'A file and a folder cannot be compared.', {
    found: `${file} is a file, ${folder} a folder without labels.nii.gz`,
    expected: 'two files, two folders, or a file and a result folder of glisson segment',
  });
}

export async function isFolder(path: string): Promise<boolean> {
  const info = await stat(path).catch((cause: unknown) => {
    throw new PipelineError('data-invalid', 'There is nothing to evaluate here.', {
      where: path,
      found: (cause as NodeJS.ErrnoException).code ?? 'not readable',
      expected: 'a labelmap file, or a folder of them',
      cause,
    });
  });
  return info.isDirectory();
}
