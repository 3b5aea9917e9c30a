import { cp, mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { planHash } from '../../plan/plan-text.ts';
import { madePlan, makeRun } from '../../testing/made-run.ts';
import { readEmbeddedPlan } from './embedded-plan.ts';
import { readRun } from './read-run.ts';

let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'glisson-record-'));
  await makeRun(join(root, 'new'), { set: { 'training.optimiser.learningRate': 0.002, 'training.seed': 7 } });
  await makeRun(join(root, 'old'), { old: true });
});

afterAll(() => rm(root, { recursive: true, force: true }));

/** A copy of a made run that may be spoilt. */
async function copyOf(name: 'new' | 'old', label: string): Promise<string> {
  const folder = join(root, `${name}-${label}`);
  await cp(join(root, name), folder, { recursive: true });
  return folder;
}

async function replaceIn(path: string, from: string, to: string): Promise<void> {
  const text = await readFile(path, 'utf8');
  expect(text).toContain(from);
  await writeFile(path, text.replace(from, to));
}

describe('readRun', () => {
  test('tells plan, results, cases and choosers of a finished run', async () => {
    const run = await readRun(join(root, 'new'));
    expect(run.damage).toBeUndefined();
    expect(run).toMatchObject({
      kind: 'train',
      state: 'finished',
      recipe: 'unet-2d',
      seed: 7,
      coreSeconds: 100,
    });
    expect(run.fields).toMatchObject({
      'training.optimiser.learningRate': 0.002,
      'training.patchSize': '16,16',
      'split.validation': 'volume-6,volume-7,volume-8',
    });
    expect(run.results).toMatchObject({
      steps: 40,
      epochs: 4,
      bestEpoch: 3,
      bestStep: 30,
      validationLiverDice: 0.9,
      validationLesionDice: expect.closeTo(0.7),
      validationScore: expect.closeTo(0.8),
      validationSlices: 'all',
      testLesionDice: null,
    });
    expect(run.cases[1]).toMatchObject({
      patient: 'P7',
      side: 'validation',
      lesionDice: 0.7,
      grid: 'prepared',
    });
    expect(run.cases[1]!.lesionIoU).toBeCloseTo(0.7 / 1.3);
    expect(run.choosers).toEqual(['P6', 'P7', 'P8']);
    expect(run.weights?.origin).toBe('random');
  });

  test('reads a run from before run.json', async () => {
    const run = await readRun(join(root, 'old'));
    expect(run).toMatchObject({
      id: 'old',
      state: 'finished',
      seconds: 60,
      started: '2026-01-01T10:00:00.000Z',
    });
    expect(run.planHash).toBe(planHash(madePlan()));
  });

  test('the plan inside a model is found without reading its weights', async () => {
    const text = await readEmbeddedPlan(join(root, 'old', 'model.onnx'));
    expect(JSON.parse(text!)).toEqual(madePlan());
    expect(await readEmbeddedPlan(join(root, 'old', 'plan.json'))).toBeUndefined();
  });

  test.each(['new', 'old'] as const)('an edited plan in a run of the %s kind is damage', async (name) => {
    const folder = await copyOf(name, 'edited');
    await replaceIn(join(folder, 'plan.json'), '"batchSize": 1', '"batchSize": 2');
    const run = await readRun(folder);
    expect(run.state).toBe('damaged');
    expect(run.damage).toMatch(/plan\.json was edited/);
    expect(run.fields['training.batchSize']).toBe(2);
  });

  test('edited scores are damage: smaller, larger or as long as they were', async () => {
    const folder = await copyOf('new', 'scores');
    await replaceIn(join(folder, 'evaluation.json'), '"lesionDice":0.6', '"lesionDice":0.9');
    expect((await readRun(folder)).damage).toMatch(/evaluation\.json was changed/);
    await replaceIn(join(folder, 'metrics.jsonl'), '"loss":1,', '"loss":0.25,');
    expect((await readRun(folder)).damage).toMatch(/metrics\.jsonl has \d+ bytes, \d+ were written/);
  });

  test.each([
    ['plan.json', /plan\.json is no JSON/],
    ['run.json', /run\.json is no JSON/],
    ['evaluation.json', /evaluation\.json is no JSON/],
    ['metrics.jsonl', /metrics\.jsonl (breaks off|has \d+ bytes)/],
    ['model.onnx', /model\.onnx has \d+ bytes/],
  ])('a half-written %s is damage, and the rest is read', async (name, reason) => {
    const folder = await copyOf('new', `half-${name}`);
    await truncate(join(folder, name), 100);
    const run = await readRun(folder);
    expect(run.state).toBe('damaged');
    expect(run.damage).toMatch(reason);
    expect(run.results.bestEpoch ?? run.fields['training.steps']).not.toBeUndefined();
  });

  test.each(['plan.json', 'evaluation.json', 'model.onnx'])(
    'a finished run without %s is damaged',
    async (name) => {
      const folder = await copyOf('new', `without-${name}`);
      await rm(join(folder, name));
      expect((await readRun(folder)).damage).toContain(`${name} is missing`);
    },
  );

  test('a plan of another version, or with faults, is damage that says so', async () => {
    const folder = await copyOf('old', 'version');
    await replaceIn(join(folder, 'plan.json'), '"version": 1', '"version": 99');
    expect((await readRun(folder)).damage).toMatch(/another version.*version 99/);
    await writeFile(join(folder, 'plan.json'), '[]');
    expect((await readRun(folder)).state).toBe('damaged');
  });

  test('a run whose process was killed has stopped; half a last line is no damage there', async () => {
    const folder = join(root, 'killed');
    await makeRun(folder, { state: 'running' });
    await writeFile(join(folder, 'metrics.jsonl'), '{"kind":"steps","step":10,"loss":1}\n{"kind":"st');
    const run = await readRun(folder);
    expect(run).toMatchObject({ state: 'stopped', results: { steps: 10 } });
    expect(run.findings.map(({ code }) => code)).toEqual(['run-killed']);
    await writeFile(join(folder, '.lock'), JSON.stringify({ pid: 1, host: `not-${hostname()}` }));
    expect((await readRun(folder)).state).toBe('running');
  });

  test('a failed run tells its error', async () => {
    await makeRun(join(root, 'failed'), { state: 'failed' });
    expect(await readRun(join(root, 'failed'))).toMatchObject({
      state: 'failed',
      error: 'Training has diverged.',
    });
  });

  test('what is no run is refused', async () => {
    await mkdir(join(root, 'nothing'));
    await expect(readRun(join(root, 'nothing'))).rejects.toMatchObject({ code: 'run-invalid' });
    await writeFile(join(root, 'nothing', 'plan.json'), '{"kind":"foreign-network"}');
    await expect(readRun(join(root, 'nothing'))).rejects.toMatchObject({ code: 'run-invalid' });
  });
});
