import { spawn } from 'node:child_process';
import { access, copyFile, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readScan } from '@glisson/imaging/scan/read-scan';
import { writeLabelmapFile } from '@glisson/imaging/scan/write-volume';
import { createLabelmap, liverLabels } from '@glisson/imaging/volume/labelmap';
import { createPredictor } from '@glisson/nn/runtime/predictor';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { PipelineError } from '../errors/pipeline-error.ts';
import { readRun } from '../experiments/record/read-run.ts';
import { parsePlanText } from '../plan/read-plan.ts';
import { writeEllipses } from '../testing/write-ellipses.ts';
import { readCheckpoint } from './checkpoint.ts';
import { type TrainOptions, trainRun } from './train-run.ts';

let root: string;
let data: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'glisson-train-'));
  data = join(root, 'data');
  await mkdir(data);
  for (const n of [0, 1, 2, 3]) await writeEllipses(data, n);
  await writeFile(join(data, 'patients.csv'), 'case,patient\n0,A\n1,A\n2,B\n3,C\n');
});

afterAll(() => rm(root, { recursive: true, force: true }));

function tiny(out: string, extra: Partial<TrainOptions> = {}): TrainOptions {
  return {
    data,
    recipe: 'unet-2d',
    out: join(root, out),
    validation: ['B'],
    test: ['C'],
    threads: 1,
    cache: join(root, 'cache'),
    checkpointEverySteps: 3,
    ...extra,
    set: {
      'preprocess.spacingMm': '5,5',
      'preprocess.contextSlices': '1',
      'network.baseChannels': '4',
      'network.maxChannels': '8',
      'network.levels': '3',
      'training.patchSize': '24,24',
      'training.batchSize': '4',
      'training.steps': '44',
      'training.stepsPerEpoch': '16',
      'training.validationSlices': '4',
      'training.optimiser.learningRate': '0.02',
      ...extra.set,
    },
  };
}

/** Everything in a run whose bytes must not depend on when it ran. */
async function bytesOfRun(name: string): Promise<Record<string, string>> {
  const entries = [
    'plan.json',
    'metrics.jsonl',
    'model.onnx',
    'curve.svg',
    'evaluation.json',
    'checkpoints/last.safetensors',
    'checkpoints/best.safetensors',
  ];
  const read = entries.map(async (entry) => [
    entry,
    (await readFile(join(root, name, entry))).toString('base64'),
  ]);
  return Object.fromEntries(await Promise.all(read));
}

/** Aborts when the given number of steps is done. */
function abortAfter(steps: number) {
  const controller = new AbortController();
  return {
    signal: controller.signal,
    onProgress: (event: { stage: string; done: number }) => {
      if (event.stage === 'train' && event.done === steps) controller.abort(new Error('enough'));
    },
  };
}

describe('trainRun', () => {
  test('learns, and leaves a whole run whose model carries the plan', async () => {
    const stages = new Set<string>();
    const summary = await trainRun(tiny('plain'), { onProgress: (event) => stages.add(event.stage) });
    expect([...stages]).toEqual(
      expect.arrayContaining(['hash files', 'fingerprint', 'preprocess', 'train', 'choose thresholds']),
    );
    expect((await readdir(join(root, 'plain'))).sort()).toEqual(
      [
        'checkpoints',
        'curve.svg',
        'environment.json',
        'evaluation.json',
        'log.jsonl',
        'metrics.jsonl',
        'model.onnx',
        'plan.json',
        'run.json',
      ].sort(),
    );
    expect(summary.validation.liverDice).toBeGreaterThan(0.6);
    const plan = parsePlanText(await readFile(join(root, 'plain', 'plan.json'), 'utf8'));
    expect(plan).toEqual(summary.plan);
    expect(plan.split).toEqual({
      train: ['0', '1'].map((n) => expect.stringContaining(n)),
      validation: [expect.stringContaining('2')],
      test: [expect.stringContaining('3')],
      patients: expect.any(Object),
    });
    expect(plan.fingerprint.cases).toBe(2);
    const predictor = await createPredictor(await readFile(join(root, 'plain', 'model.onnx')), {
      threads: 1,
    });
    expect(JSON.parse(predictor.metadata['glisson.plan']!)).toEqual(plan);
    await predictor.close();
    const lines = (await readFile(join(root, 'plain', 'metrics.jsonl'), 'utf8'))
      .trim()
      .split('\n')
      .map((l) => JSON.parse(l));
    expect(lines.map((l) => [l.kind, l.step])).toEqual([
      ['steps', 10],
      ['steps', 16],
      ['epoch', 16],
      ['steps', 20],
      ['steps', 30],
      ['steps', 32],
      ['epoch', 32],
      ['steps', 40],
      ['steps', 44],
      ['epoch', 44],
    ]);
    const epochs = lines.filter((l) => l.kind === 'epoch');
    for (const epoch of epochs)
      expect(epoch).toMatchObject({
        trainingLoss: expect.any(Number),
        trainingLesionDice: expect.any(Number),
        validationLoss: expect.any(Number),
      });
    expect(epochs[2].trainingLoss).toBeLessThan(epochs[0].trainingLoss);
    expect(epochs[2].validationLoss).toBeLessThan(epochs[0].validationLoss);
  });

  test('gives the same bytes again, with scans from the cache and from disk', async () => {
    const notes: string[] = [];
    await trainRun(tiny('again', { memoryBytes: 0 }), {
      onProgress: (event) => event.stage === 'preprocess' && notes.push(event.note!),
    });
    expect(notes.every((note) => note.endsWith('from the cache'))).toBe(true);
    expect(await bytesOfRun('again')).toEqual(await bytesOfRun('plain'));
  });

  test('writes down how it went, what it was made of and what it took', async () => {
    const run = await readRun(join(root, 'plain'), { thorough: true });
    expect(run.damage).toBeUndefined();
    expect(run).toMatchObject({
      kind: 'train',
      state: 'finished',
      weights: { origin: 'random' },
      choosers: ['B'],
      split: { test: [expect.stringContaining('3')] },
      results: { steps: 44, epochs: 3, validationSlices: 'all' },
    });
    expect(Object.keys(run.files)).toHaveLength(4);
    expect(run.coreSeconds).toBeGreaterThan(0);
    expect(run.environment.glisson).toMatch(/^\d/);
    await expect(trainRun(tiny('told'), abortAfter(20))).rejects.toThrow('enough');
    const stopped = await readRun(join(root, 'told'));
    expect(stopped).toMatchObject({ state: 'stopped', ended: expect.any(String), error: null });
    await trainRun(tiny('told', { resume: true, command: 'glisson train --resume' }));
    const resumed = await readRun(join(root, 'told'));
    expect(resumed).toMatchObject({ state: 'finished', id: stopped.id, started: stopped.started });
    expect(resumed.command).toBe('glisson train --resume');
    expect(resumed.seconds).toBeGreaterThan(stopped.seconds!);
    await expect(
      trainRun(tiny('diverged', { set: { 'training.optimiser.learningRate': '1e30' } })),
    ).rejects.toThrow('diverged');
    expect(await readRun(join(root, 'diverged'))).toMatchObject({
      state: 'failed',
      error: expect.stringContaining('diverged'),
    });
  });

  test.each([2, 17, 32])('cancelled after step %i and resumed, it ends bit-identical', async (steps) => {
    const name = `stopped-${steps}`;
    await expect(trainRun(tiny(name), abortAfter(steps))).rejects.toThrow('enough');
    await trainRun(tiny(name, { resume: true }));
    expect(await bytesOfRun(name)).toEqual(await bytesOfRun('plain'));
  });

  test('killed at once and resumed, it ends bit-identical', async () => {
    const module = fileURLToPath(new URL('../../dist/train/train-run.js', import.meta.url));
    const script = `
      import { trainRun } from ${JSON.stringify(module)};
      await trainRun(${JSON.stringify(tiny('killed'))}, {
        onProgress: (event) => { if (event.stage === 'train' && event.done === 20) process.kill(process.pid, 'SIGKILL'); },
      });`;
    const file = join(root, 'killed.mjs');
    await writeFile(file, script);
    const child = spawn(process.execPath, [file], { stdio: 'inherit' });
    const signal = await new Promise((resolve) => child.on('exit', (_, by) => resolve(by)));
    expect(signal).toBe('SIGKILL');
    await writeFile(join(root, 'killed', 'metrics.jsonl'), '{"kind":"steps","st', { flag: 'a' });
    const partial = join(root, 'killed', 'checkpoints', '.last.safetensors.partial-0a1b2c3d4e5f');
    await writeFile(partial, 'half a checkpoint');
    await trainRun(tiny('killed', { resume: true }));
    expect(await readdir(join(root, 'killed', 'checkpoints'))).toEqual([
      'best.safetensors',
      'last.safetensors',
    ]);
    expect(await bytesOfRun('killed')).toEqual(await bytesOfRun('plain'));
  });

  test('two trainings do not write to one run', async () => {
    const first = trainRun(tiny('busy'));
    const lock = join(root, 'busy', '.lock');
    await vi.waitFor(() => access(join(root, 'busy', 'plan.json')), { timeout: 20_000 });
    await expect(trainRun(tiny('busy', { resume: true }))).rejects.toMatchObject({
      code: 'run-invalid',
      message: expect.stringContaining('Another training'),
    });
    await first;
    await expect(access(lock)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await bytesOfRun('busy')).toEqual(await bytesOfRun('plain'));
  });

  test('resumed in another environment, it says so', async () => {
    await expect(trainRun(tiny('moved'), abortAfter(17))).rejects.toThrow('enough');
    const path = join(root, 'moved', 'environment.json');
    const environment = JSON.parse(await readFile(path, 'utf8'));
    await writeFile(path, JSON.stringify({ ...environment, onnxRuntime: '0.1.0', threads: 77 }));
    const { findings } = await trainRun(tiny('moved', { resume: true }));
    const [finding] = findings.filter(({ code }) => code === 'environment-changed');
    expect(finding!.message).toContain('onnxRuntime 0.1.0, now ');
    expect(finding!.message).toContain('threads 77, now ');
    const unmoved = await trainRun(tiny('plain', { resume: true }));
    expect(unmoved.findings.map(({ code }) => code)).not.toContain('environment-changed');
  });

  test('ended early after an epoch, it is a whole run of the epochs so far, and can be resumed', async () => {
    const asked: number[] = [];
    const untilFirst = async ({ epoch }: { epoch: number }) => {
      asked.push(epoch);
      return epoch < 1;
    };
    const summary = await trainRun(tiny('early', { goOn: untilFirst }));
    expect(summary).toMatchObject({ steps: 16, bestEpoch: 1, bestStep: 16 });
    expect((await readdir(join(root, 'early'))).sort()).toEqual((await readdir(join(root, 'plain'))).sort());
    const early = await bytesOfRun('early');
    // Killed right then, it asks the same again, and ends with the same bytes.
    await trainRun(tiny('early', { goOn: untilFirst, resume: true }));
    expect(asked).toEqual([1, 1]);
    expect(await bytesOfRun('early')).toEqual(early);
    await trainRun(tiny('early', { goOn: async () => true, resume: true }));
    expect(await bytesOfRun('early')).toEqual(await bytesOfRun('plain'));
  });

  test('a plan gives the same run again, and can be changed', async () => {
    const { recipe: _, set: __, validation: ___, test: ____, ...rest } = tiny('by-plan');
    const plan = join(root, 'plain', 'plan.json');
    await trainRun({ ...rest, plan });
    expect(await bytesOfRun('by-plan')).toEqual(await bytesOfRun('plain'));
    const changed = await trainRun({
      ...rest,
      plan,
      out: join(root, 'changed'),
      set: { 'training.steps': '4' },
    });
    expect(changed.plan).toMatchObject({ training: { steps: 4, batchSize: 4 } });
    await expect(trainRun({ ...rest, plan, recipe: 'patch-small' })).rejects.toMatchObject({
      code: 'option-invalid',
    });
  });

  test('resuming a finished run changes nothing', async () => {
    const before = await bytesOfRun('plain');
    await trainRun(tiny('plain', { resume: true }));
    expect(await bytesOfRun('plain')).toEqual(before);
  });

  test('refuses to resume with another plan and names what differs', async () => {
    const changed = tiny('plain', { resume: true, set: { 'training.batchSize': '2' } });
    await expect(trainRun(changed)).rejects.toMatchObject({
      code: 'run-invalid',
      message: expect.stringContaining('training.batchSize'),
    });
  });

  test('refuses to resume a run whose plan.json was edited: the edit would be without effect', async () => {
    await cp(join(root, 'plain'), join(root, 'edited'), { recursive: true });
    const path = join(root, 'edited', 'plan.json');
    const plan = JSON.parse(await readFile(path, 'utf8'));
    plan.training.optimiser.learningRate = 0.5;
    await writeFile(path, JSON.stringify(plan));
    await expect(trainRun(tiny('edited', { resume: true }))).rejects.toMatchObject({
      code: 'run-invalid',
      message: expect.stringContaining('training.optimiser.learningRate'),
    });
  });

  test('does not overwrite a run, nor with force what is no run', async () => {
    await expect(trainRun(tiny('plain'))).rejects.toMatchObject({ code: 'already-exists' });
    await expect(trainRun({ ...tiny('x', { force: true }), out: data })).rejects.toMatchObject({
      code: 'run-invalid',
    });
    expect(await readdir(data)).toContain('volume-0.nii.gz');
    await expect(trainRun(tiny('nothing', { resume: true }))).rejects.toMatchObject({ code: 'run-invalid' });
  });

  test('with force it replaces a run', async () => {
    await trainRun(
      tiny('stopped-2', {
        force: true,
        set: { 'training.steps': '8', 'postprocess.lesionThreshold': '0.4' },
      }),
    );
    const plan = parsePlanText(await readFile(join(root, 'stopped-2', 'plan.json'), 'utf8'));
    expect(plan.training.steps).toBe(8);
    expect(plan.postprocess.lesionThreshold).toBe(0.4);
  });

  test('a learning rate that blows up ends in an error that says where and what to do; the last checkpoint stays', async () => {
    const wild = tiny('wild', {
      set: { 'training.optimiser.learningRate': '1e30', 'training.batchSize': '2' },
      checkpointEverySteps: 1,
    });
    const error = await trainRun(wild).catch((thrown: unknown) => thrown as PipelineError);
    expect(error).toMatchObject({
      code: 'training-failed',
      message: expect.stringContaining('learningRate'),
    });
    const { where, found } = (error as PipelineError).explanation;
    const patch = String.raw`\S+ slice \d of 6`;
    expect(where).toMatch(new RegExp(`^step \\d+, with patches of ${patch}, ${patch}$`));
    const step = /\d+/.exec(where!)![0];
    expect(Number(step)).toBeGreaterThan(1);
    expect(found).toMatch(new RegExp(`^step ${step}: found the loss`));
    const { state, progress } = await readCheckpoint(join(root, 'wild', 'checkpoints', 'last.safetensors'));
    expect([state.step, progress.step]).toEqual([Number(step) - 1, Number(step) - 1]);
    for (const [name, { values }] of Object.entries(state.arrays)) {
      expect(values.every(Number.isFinite), name).toBe(true);
    }
  });

  test('a broken validation case is found before anything is written or replaced', async () => {
    const bad = join(root, 'bad');
    await cp(data, bad, { recursive: true });
    await copyFile(join(data, 'volume-0.nii.gz'), join(bad, 'segmentation-2.nii.gz'));
    await expect(trainRun({ ...tiny('never'), data: bad })).rejects.toMatchObject({ code: 'label-unknown' });
    expect(await readdir(root)).not.toContain('never');
    const before = await bytesOfRun('plain');
    await expect(trainRun({ ...tiny('plain', { force: true }), data: bad })).rejects.toThrow();
    expect(await bytesOfRun('plain')).toEqual(before);
  });

  test('a side without any label is refused', async () => {
    const blank = join(root, 'blank');
    await cp(data, blank, { recursive: true });
    const { geometry } = (await readScan(join(data, 'volume-2.nii.gz'))).volume;
    const empty = createLabelmap(geometry, new Uint8Array(40 * 36 * 6), liverLabels);
    await writeLabelmapFile(join(blank, 'segmentation-2.nii.gz'), empty);
    await expect(trainRun({ ...tiny('never'), data: blank })).rejects.toMatchObject({
      code: 'data-invalid',
      message: expect.stringContaining('validation cases'),
    });
    expect(await readdir(root)).not.toContain('never');
  });

  test('a place that cannot be written is refused before the work', async () => {
    const inFile = { ...tiny('x'), out: join(data, 'patients.csv', 'run') };
    await expect(trainRun(inFile)).rejects.toMatchObject({ code: 'not-writable' });
  });

  test.each([
    [{ recipe: 'unet2d' }, 'option-invalid', 'unet-2d'],
    [{ set: { 'training.step': '5' } }, 'option-invalid', 'training.steps'],
    [{ validation: ['Z'] }, 'split-impossible', 'not in the data'],
  ] as const)('wrong options %o leave nothing behind', async (wrong, code, message) => {
    const options = tiny('never', wrong as Partial<TrainOptions>);
    await expect(trainRun(options)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
    expect(await readdir(root)).not.toContain('never');
  });
});
