import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { identityDirection } from '@glisson/imaging/geometry/geometry';
import { writeLabelmapFile } from '@glisson/imaging/scan/write-volume';
import { createLabelmap, liverLabels } from '@glisson/imaging/volume/labelmap';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeRun } from '../../testing/made-run.ts';
import { attachEvaluations } from '../record/attach-evaluations.ts';
import { readRun } from '../record/read-run.ts';
import { evaluateRun } from './evaluate-run.ts';

let root: string;
const at = (...parts: string[]) => join(root, ...parts);

/** A row of ten voxels: liver, of which the first ones are lesion. */
async function writeMask(path: string, lesion: number): Promise<void> {
  const geometry = {
    size: [10, 1, 1],
    spacing: [1, 1, 1],
    origin: [0, 0, 0],
    direction: identityDirection,
  } as const;
  const voxels = Uint8Array.from({ length: 10 }, (_, i) => (i < lesion ? 2 : 1));
  await writeLabelmapFile(path, createLabelmap(geometry, voxels, liverLabels));
}

/** What segment leaves beside its masks. */
async function writeProvenance(
  folder: string,
  model: string,
  sha256: string,
  planSha256: string,
): Promise<void> {
  const provenance = { schema: 'glisson.provenance/1', model: { file: model, sha256, planSha256 } };
  await writeFile(join(folder, 'provenance.json'), JSON.stringify(provenance));
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'glisson-evaluate-run-'));
  const { contents, planHash } = await makeRun(at('run'));
  for (const n of [8, 9]) {
    await mkdir(at('results', `${n}`), { recursive: true });
    await mkdir(at('truth'), { recursive: true });
    await writeMask(at('truth', `segmentation-${n}.nii.gz`), 4);
    await writeMask(at('results', `${n}`, 'labels.nii.gz'), 4 + n - 8);
    await writeProvenance(
      at('results', `${n}`),
      at('run', 'model.onnx'),
      contents!['model.onnx']!.sha256,
      planHash!,
    );
  }
});

afterAll(() => rm(root, { recursive: true, force: true }));

describe('evaluateRun', () => {
  test('knows the model by what segment wrote, and the scores appear beside its run', async () => {
    await evaluateRun({ reference: at('truth'), prediction: at('results'), out: at('scores') });
    expect((await readdir(at('scores'))).sort()).toEqual(['evaluation.json', 'run.json']);
    const scores = await readRun(at('scores'));
    expect(scores).toMatchObject({
      kind: 'evaluate',
      state: 'finished',
      evaluates: { run: at('run') },
      results: { evaluatedCases: 2, testCases: 1, testLesionDice: expect.closeTo(8 / 9) },
    });
    expect(scores.cases.map(({ patient, side }) => [patient, side])).toEqual([
      ['P8', 'validation'],
      ['P9', 'test'],
    ]);
    const alone = await readRun(at('run'));
    const run = attachEvaluations(alone, [scores]);
    expect(run.results).toMatchObject({ testCases: 1, testLesionDice: expect.closeTo(8 / 9) });
    expect(run.results.validationLesionDice).toBe(alone.results.validationLesionDice);
    expect(run.cases.map((c) => [c.case, c.side, c.grid])).toEqual([
      ...alone.cases.map((c) => [c.case, 'validation', 'prepared']),
      ['8', 'validation', 'scan'],
      ['9', 'test', 'scan'],
    ]);
  });

  test('of a case that was scored twice the newer score counts; other models are passed over', async () => {
    const run = await readRun(at('run'));
    const scores = await readRun(at('scores'));
    const later = {
      ...scores,
      started: '2099-01-01T00:00:00.000Z',
      cases: scores.cases.map((c) => ({ ...c, lesionDice: 0.5 })),
    };
    expect(attachEvaluations(run, [later, scores]).results.testLesionDice).toBe(0.5);
    const other = { ...later, evaluates: { ...later.evaluates!, model: 'f'.repeat(64) } };
    expect(attachEvaluations(run, [other])).toBe(run);
  });

  test('a named run, one pair of files', async () => {
    const reference = at('truth', 'segmentation-9.nii.gz');
    await cp(at('results', '9', 'labels.nii.gz'), at('bare.nii.gz'));
    await evaluateRun({ reference, prediction: at('bare.nii.gz'), of: at('run'), out: at('pair') });
    const scores = await readRun(at('pair'));
    expect(scores.cases).toMatchObject([{ patient: 'P9', side: 'test' }]);
    expect(Object.keys(scores.files)).toEqual(['9 reference', '9 prediction']);
    await evaluateRun({ reference, prediction: at('bare.nii.gz'), out: at('nobody') });
    expect(await readRun(at('nobody'))).toMatchObject({
      evaluates: null,
      cases: [{ side: 'unknown' }],
      results: { testCases: 0, testLesionDice: null, evaluatedCases: 1 },
    });
  });

  test('predictions of another model than the named one, or of several, are refused and leave nothing', async () => {
    await makeRun(at('other'), { set: { 'training.seed': 5 } });
    const both = { reference: at('truth'), prediction: at('results'), out: at('refused') };
    await expect(evaluateRun({ ...both, of: at('other') })).rejects.toMatchObject({ code: 'option-invalid' });
    await cp(at('results'), at('mixed'), { recursive: true });
    await writeProvenance(at('mixed', '8'), 'x', 'e'.repeat(64), 'e'.repeat(64));
    await expect(evaluateRun({ ...both, prediction: at('mixed') })).rejects.toThrow('several models');
    expect(await readdir(root)).not.toContain('refused');
  });

  test('what is there is not replaced without force, and with it only by what is an evaluation', async () => {
    const both = { reference: at('truth'), prediction: at('results') };
    await expect(evaluateRun({ ...both, out: at('scores') })).rejects.toMatchObject({
      code: 'already-exists',
    });
    await evaluateRun({ ...both, out: at('scores'), force: true });
    await expect(evaluateRun({ ...both, out: at('run'), force: true })).rejects.toMatchObject({
      code: 'already-exists',
    });
  });

  test('a failure is written down', async () => {
    await writeFile(at('broken.nii'), 'no image');
    const both = { reference: at('truth', 'segmentation-9.nii.gz'), prediction: at('broken.nii') };
    await expect(evaluateRun({ ...both, out: at('failed') })).rejects.toThrow();
    expect(await readRun(at('failed'))).toMatchObject({
      kind: 'evaluate',
      state: 'failed',
      error: expect.any(String),
    });
  });
});
