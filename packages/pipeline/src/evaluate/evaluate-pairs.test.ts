import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Geometry, identityDirection } from '@glisson/imaging/geometry/geometry';
import { createRandom } from '@glisson/imaging/random/seeded-random';
import { writeLabelmapFile } from '@glisson/imaging/scan/write-volume';
import { createLabelmap, liverLabels } from '@glisson/imaging/volume/labelmap';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasSharedData, realScan, sharedPath } from '../../../../testing/shared-data.ts';
import { debianPython, hasSystemTools, needs } from '../../../../testing/system-tools.ts';
import { evaluatePaths } from './evaluate-pairs.ts';
import { evaluationText } from './evaluation-text.ts';

const geometry: Geometry = {
  size: [16, 12, 9],
  spacing: [0.703125, 0.7, 2.5],
  origin: [-180.3, 12.7, -700.1],
  direction: identityDirection,
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glisson-evaluate-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function writeLabels(path: string, seed: number, grid = geometry, most = 2): Promise<string> {
  const random = createRandom(seed);
  const voxels = Uint8Array.from({ length: 16 * 12 * 9 }, () => random.integer(most + 1));
  const file = join(folder, path);
  await mkdir(dirname(file), { recursive: true });
  const labels = Array.from({ length: most + 1 }, (_, value) => ({ value, name: `${value}` }));
  await writeLabelmapFile(file, createLabelmap(grid, voxels, most > 2 ? labels : liverLabels));
  return file;
}

describe('evaluating files and folders', () => {
  test('folders: pairs are scored, everything else is told', async () => {
    await writeLabels('reference/segmentation-2.nii.gz', 1);
    await writeLabels('reference/segmentation-10.nii.gz', 2);
    await writeLabels('reference/segmentation-3.nii.gz', 3);
    await writeLabels('reference/segmentation-4.nii.gz', 4);
    await writeLabels('reference/segmentation-5.nii.gz', 5);
    await writeLabels('prediction/2/labels.nii.gz', 1);
    await writeLabels('prediction/10/labels.nii.gz', 22);
    await writeLabels('prediction/3/labels.nii.gz', 3, { ...geometry, origin: [0, 0, 0] });
    await writeLabels('prediction/4/labels.nii.gz', 4, geometry, 5);
    await writeLabels('prediction/7/labels.nii.gz', 4);
    const evaluation = await evaluatePaths(join(folder, 'reference'), join(folder, 'prediction'));
    expect(evaluation.cases.map((c) => c.id)).toEqual(['2', '10']);
    expect(evaluation.cases[0]!.lesion.dice).toBe(1);
    expect(evaluation.cases[1]!.lesion.dice).toBeLessThan(1);
    expect(evaluation.problems.map(({ id, code }) => `${id} ${code}`).sort()).toEqual([
      '3 geometry-mismatch',
      '4 label-unknown',
      '5 no-prediction',
      '7 no-reference',
    ]);
    const text = evaluationText(evaluation);
    expect(text).toMatch(/^case +liver Dice/);
    expect(text).toMatch(/4 cases were not scored/);
    expect(text).not.toContain('NaN');
  });

  test('a single pair that cannot be compared throws, so do a file and a folder', async () => {
    const reference = await writeLabels('one.nii.gz', 1);
    const moved = await writeLabels('moved.nii.gz', 1, { ...geometry, spacing: [0.8, 0.7, 2.5] });
    await expect(evaluatePaths(reference, moved)).rejects.toMatchObject({ code: 'geometry-mismatch' });
    await expect(evaluatePaths(reference, folder)).rejects.toThrow(/file and a folder/);
    await expect(evaluatePaths(reference, join(folder, 'absent.nii'))).rejects.toMatchObject({
      code: 'data-invalid',
    });
  });

  test('a result folder of glisson segment stands for its labels', async () => {
    const reference = await writeLabels('case.nii.gz', 9);
    const labels = await writeLabels('result/labels.nii.gz', 9);
    const { cases } = await evaluatePaths(reference, dirname(labels));
    expect(cases.map(({ id, lesion }) => [id, lesion.dice])).toEqual([['case', 1]]);
  });

  test('formats may differ: float32 rounding of NIfTI is no other grid', async () => {
    const reference = await writeLabels('r.nii.gz', 8);
    const prediction = await writeLabels('p.nrrd', 8);
    const { cases } = await evaluatePaths(reference, prediction);
    expect(cases[0]!.liver.iou).toBe(1);
  });

  test.skipIf(!hasSystemTools(['python3-numpy', 'python3-nibabel']))(
    needs(['python3-numpy', 'python3-nibabel'], 'numpy counts the same'),
    async () => {
      const reference = await writeLabels('numpy-r.nii.gz', 31);
      const prediction = await writeLabels('numpy-p.nii.gz', 32);
      const script = join(folder, 'dice.py');
      await writeFile(
        script,
        `import sys, json, numpy as np, nibabel as nib
a, b = (np.asarray(nib.load(p).dataobj) for p in sys.argv[1:])
out = {}
for name, least in (('liver', 1), ('lesion', 2)):
    x, y = a >= least, b >= least
    out[name] = [2 * (x & y).sum() / (x.sum() + y.sum()), (x & y).sum() / (x | y).sum()]
print(json.dumps({k: [float(v) for v in vs] for k, vs in out.items()}))
`,
      );
      const python = spawnSync(debianPython, [script, reference, prediction], { encoding: 'utf8' });
      const expected = JSON.parse(python.stdout) as Record<'liver' | 'lesion', [number, number]>;
      const { cases } = await evaluatePaths(reference, prediction);
      for (const region of ['liver', 'lesion'] as const) {
        expect(cases[0]![region].dice).toBeCloseTo(expected[region][0], 12);
        expect(cases[0]![region].iou).toBeCloseTo(expected[region][1], 12);
      }
    },
  );

  test.skipIf(!hasSharedData)(
    realScan('a reference agrees with itself, voxel counts as documented'),
    async () => {
      const path = sharedPath('data', 'liver', 'segmentation-0.nii.gz');
      const { cases } = await evaluatePaths(path, path);
      expect(cases[0]!.lesion.counts).toEqual({ reference: 2591, prediction: 2591, intersection: 2591 });
      expect(cases[0]!.liver.counts.reference).toBe(551857);
      expect(cases[0]!.liver.dice).toBe(1);
    },
  );
});
