import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { PipelineError } from '../errors/pipeline-error.ts';

/** A labelmap file and the case it belongs to. */
export interface CaseFile {
  readonly id: string;
  readonly path: string;
}

/** What two folders have in common, and what only one of them has. */
export interface CaseMatch {
  readonly pairs: readonly { readonly id: string; readonly reference: string; readonly prediction: string }[];
  readonly onlyReference: readonly CaseFile[];
  readonly onlyPrediction: readonly CaseFile[];
}

const labelFile = /\.(nii\.gz|nii|nrrd|mha|mhd)$/i;

/** Names that a case folder may give its labelmap, best first. */
const namesInCaseFolder = /^(labels|truth|segmentation|label|seg)\.(nii|nii\.gz|nrrd|mha|mhd)$/i;

/**
 * Case id of a file name: without extension and the words that only say what kind of file it is, so that
 * `segmentation-6.nii.gz`, `labels_6.nii`, `volume-6` and `6` all mean case 6.
 */
export function caseIdOf(name: string): string {
  const bare = name.replace(labelFile, '');
  const stripped = bare
    .replace(/^(segmentation|labels?|seg|mask|prediction|pred|reference|truth|volume)[-_. ]+(?=.)/i, '')
    .replace(/[-_. ]+(segmentation|labels?|seg|mask|prediction|pred|reference|truth)$/i, '');
  return stripped === '' ? bare : stripped;
}

/**
 * Case id of a labelmap by itself: by its name, or by that of its folder where it is called as in a case folder
 * (`patient-004/truth.nii.gz` is case patient-004).
 */
export function caseIdOfFile(path: string): string {
  const name = basename(path);
  return caseIdOf(namesInCaseFolder.test(name) ? basename(dirname(resolve(path))) : name);
}

/**
 * Labelmaps of a folder: files directly in it, and `labels.nii.gz` (or truth, segmentation, label, seg) in
 * case folders. Volumes of the LiTS layout are images, not labels, and are passed over.
 * @throws PipelineError `data-invalid` when the folder holds none, or two for one case
 */
export async function findCaseFiles(folder: string): Promise<CaseFile[]> {
  const found: CaseFile[] = [];
  const entries = (await readdir(folder, { withFileTypes: true })).sort((a, b) =>
    compareNames(a.name, b.name),
  );
  for (const entry of entries) {
    if (entry.name.startsWith('.')) continue;
    const path = join(folder, entry.name);
    const info = entry.isSymbolicLink() ? await stat(path) : entry;
    if (info.isDirectory()) {
      const inside = (await readdir(path)).filter((name) => namesInCaseFolder.test(name)).sort(compareNames);
      for (const name of inside) found.push({ id: caseIdOf(entry.name), path: join(path, name) });
    } else if (labelFile.test(entry.name) && !/^volume[-_]/i.test(entry.name)) {
      found.push({ id: caseIdOf(entry.name), path });
    }
  }
  if (found.length === 0) {
    throw new PipelineError('data-invalid', 'No labelmaps were found in this folder.', {
      where: folder,
      expected: 'files such as segmentation-6.nii.gz, or case folders with labels.nii.gz',
    });
  }
  for (const { id } of found) {
    const files = found.filter((file) => file.id === id);
    if (files.length === 1) continue;
    throw new PipelineError('data-invalid', `Two labelmaps claim to be case ${id}.`, {
      where: folder,
      found: files.map((file) => file.path).join(', '),
      expected: 'one labelmap a case',
      advice: 'Move the ones away that are not meant.',
    });
  }
  return found;
}

/** Pairs labelmaps of two folders by case id; nothing is dropped in silence. */
export function matchCases(references: readonly CaseFile[], predictions: readonly CaseFile[]): CaseMatch {
  const predictionOf = new Map(predictions.map((file) => [file.id, file]));
  const referenceIds = new Set(references.map((file) => file.id));
  return {
    pairs: references.flatMap(({ id, path }) => {
      const prediction = predictionOf.get(id);
      return prediction === undefined ? [] : [{ id, reference: path, prediction: prediction.path }];
    }),
    onlyReference: references.filter((file) => !predictionOf.has(file.id)),
    onlyPrediction: predictions.filter((file) => !referenceIds.has(file.id)),
  };
}

function compareNames(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}
