import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { caseIdOf, caseIdOfFile, findCaseFiles, matchCases } from './match-cases.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glisson-match-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function touch(...paths: string[]): Promise<void> {
  for (const path of paths) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), '');
  }
}

describe('matching cases', () => {
  test.each([
    ['segmentation-6.nii.gz', '6'],
    ['labels_6.nii', '6'],
    ['6', '6'],
    ['volume-10', '10'],
    ['liver_007.nii.gz', 'liver_007'],
    ['liver_007_pred.mha', 'liver_007'],
    ['labels.nii.gz', 'labels'],
    ['patient.1.nrrd', 'patient.1'],
  ])('%s is case %s', (name, id) => {
    expect(caseIdOf(name)).toBe(id);
  });

  test.each([
    ['data/patient-004/truth.nii.gz', 'patient-004'],
    ['results/segmentation-6/labels.nii.gz', '6'],
    ['data/segmentation-6.nii.gz', '6'],
    ['patient.nrrd', 'patient'],
  ])('the file %s is of case %s', (path, id) => expect(caseIdOfFile(path)).toBe(id));

  test('LiTS references and segmented case folders meet; the rest is named', async () => {
    await touch('r/segmentation-6.nii.gz', 'r/segmentation-10.nii.gz', 'r/volume-6.nii.gz', 'r/patients.csv');
    await touch('p/6/labels.nii.gz', 'p/6/overview.png', 'p/volume-11/labels.nii.gz');
    const match = matchCases(await findCaseFiles(join(folder, 'r')), await findCaseFiles(join(folder, 'p')));
    expect(match.pairs).toEqual([
      {
        id: '6',
        reference: join(folder, 'r/segmentation-6.nii.gz'),
        prediction: join(folder, 'p/6/labels.nii.gz'),
      },
    ]);
    expect(match.onlyReference.map((file) => file.id)).toEqual(['10']);
    expect(match.onlyPrediction.map((file) => file.id)).toEqual(['11']);
  });

  test('two labelmaps of one case are an error, so is a folder without any', async () => {
    await touch('p/6.nii.gz', 'p/segmentation-6.nii.gz', 'empty/readme.txt');
    await expect(findCaseFiles(join(folder, 'p'))).rejects.toThrow(/case 6/);
    await expect(findCaseFiles(join(folder, 'empty'))).rejects.toThrow(/No labelmaps/);
  });
});
