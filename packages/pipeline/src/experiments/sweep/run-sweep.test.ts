import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createRandom } from '@glisson/imaging/random/seeded-random';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parsePlanText } from '../../plan/read-plan.ts';
import { writeEllipses } from '../../testing/write-ellipses.ts';
import { trainRun } from '../../train/train-run.ts';
import { outlineSweep } from './plan-sweep.ts';
import { runSweep, type SweepOptions } from './run-sweep.ts';

let root: string;
let spec: string;

/** Three trials of three epochs of two steps each; the worst of two is stopped after the first. */
const text = (data: string, more = '') => `
name: tiny
data: ${data}
split: { validation: B, test: C }
recipe: patch-small
set:
  preprocess.equalise.method: none
  network.baseChannels: 2
  training.patchSize: 65
  training.batchSize: 4
  training.steps: 6
  training.stepsPerEpoch: 2
  training.validationSlices: 2
  training.small.trainingSlices: 2
  training.small.validationSlices: 2
  training.hardNegatives.everyEpochs: 0
  inference.outputStride: 8
space:
  training.optimiser.learningRate: { loguniform: [1.0e-3, 1.0e-1] }
  network.dropout: { choice: [0, 0.5] }
sampler: { name: tpe, seed: 2, startup: 2 }
stopping: { method: asha, minEpochs: 1, factor: 2 }
budget: { trials: 3 }
workers: 1
${more}`;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'glisson-sweep-'));
  const data = join(root, 'data');
  await mkdir(data);
  for (const n of [0, 1, 2, 3]) await writeEllipses(data, n);
  await writeFile(join(data, 'patients.csv'), 'case,patient\n0,A\n1,A\n2,B\n3,C\n');
  spec = join(root, 'sweep.yaml');
  await writeFile(spec, text(data));
  await runSweep(tiny('whole'));
});

afterAll(() => rm(root, { recursive: true, force: true }));

function tiny(out: string, more: Partial<SweepOptions> = {}): SweepOptions {
  return { spec, out: join(root, out), cache: join(root, 'cache'), ...more };
}

async function specWith(name: string, from: string | RegExp, to: string): Promise<string> {
  const file = join(root, name);
  const before = text(join(root, 'data'));
  const after = before.replace(from, to);
  expect(after).not.toBe(before);
  await writeFile(file, after);
  return file;
}

/** Everything in a sweep whose bytes must not depend on when it ran. */
async function bytesOfSweep(name: string): Promise<Record<string, string>> {
  const files = ['decisions.jsonl', 'ranking.json', 'winner/plan.json', 'test.json'];
  for (const trial of await readdir(join(root, name, 'trials'))) {
    const parts = [
      'plan.json',
      'metrics.jsonl',
      'model.onnx',
      'evaluation.json',
      'checkpoints/last.safetensors',
    ];
    files.push(...parts.map((part) => join('trials', trial, part)));
  }
  const bytes = files.map(async (file) => [
    file,
    (await readFile(join(root, name, file))).toString('base64'),
  ]);
  return Object.fromEntries(await Promise.all(bytes));
}

async function decisionsOf(name: string): Promise<Record<string, unknown>[]> {
  const lines = (await readFile(join(root, name, 'decisions.jsonl'), 'utf8')).trim().split('\n');
  return lines.map((line) => JSON.parse(line));
}

/** Runs the built sweep in a process of its own, and kills it at once when it has reported so many changes, if it lives that long. */
async function killedAfter(options: SweepOptions, changes: number): Promise<NodeJS.Signals | null> {
  const module = fileURLToPath(new URL('../../../dist/experiments/sweep/run-sweep.js', import.meta.url));
  const file = join(root, 'killed.mjs');
  await writeFile(
    file,
    `import { runSweep } from ${JSON.stringify(module)};
let changes = 0;
await runSweep({ ...${JSON.stringify(options)}, watch: () => {
  if (++changes === ${changes}) process.kill(process.pid, 'SIGKILL');
} });`,
  );
  const child = spawn(process.execPath, [file], { stdio: 'inherit' });
  return new Promise((resolve) => child.on('exit', (_, signal) => resolve(signal)));
}

describe('a sweep', () => {
  test('leaves ordinary runs, the ranking by validation patients, a winner that was tested once, plots and a report', async () => {
    const folder = join(root, 'whole');
    expect((await readdir(folder)).sort()).toEqual(
      [
        'decisions.jsonl',
        'log.jsonl',
        'parallel.svg',
        'ranking.json',
        'report.html',
        'run.json',
        'scatter.svg',
        'sweep.json',
        'test.json',
        'trials',
        'winner',
      ].sort(),
    );
    const ranking = JSON.parse(await readFile(join(folder, 'ranking.json'), 'utf8'));
    expect(ranking).toMatchObject({ objective: 'lesionDice', chosenOn: ['B'], winner: expect.any(Number) });
    expect(ranking.trials).toHaveLength(3);
    const values = ranking.trials.map(({ objective }: { objective: number }) => objective);
    expect(values).toEqual([...values].sort((a, b) => b - a));
    expect(ranking.trials[0]).toMatchObject({ rank: 1, trial: ranking.winner, weights: 'random' });
    expect(ranking.baselines.map(({ name }: { name: string }) => name)).toEqual([
      'predict nothing',
      'all of the true liver is lesion',
    ]);
    expect(ranking.baselines[0].lesionDice).toBe(0);
    expect(ranking.baselines[1].lesionDice).toBeGreaterThan(0);
    expect(ranking.test).toMatchObject({ trial: ranking.winner, patients: ['C'], earlier: [] });
    expect(ranking.test.cases).toEqual([expect.objectContaining({ patient: 'C', liverDice: null })]);

    const decisions = await decisionsOf('whole');
    const states = decisions.flatMap(({ kind, state }) => (kind === 'ended' ? [state] : []));
    expect(states).toContain('stopped early');
    const asked = decisions.find(({ by }) => by === 'asha');
    expect(asked).toMatchObject({ epoch: 1, others: {} });
    expect(decisions.filter(({ kind }) => kind === 'trial').map(({ by, known }) => [by, known])).toEqual([
      ['latin-hypercube start', []],
      ['latin-hypercube start', []],
      ['tpe', [1, 2]],
    ]);
    const stopped = decisions.find(({ state }) => state === 'stopped early')!;
    expect(stopped).toMatchObject({ steps: 2, bestEpoch: 1, objective: expect.any(Number) });
    const run = JSON.parse(
      await readFile(join(folder, 'trials', String(stopped.trial).padStart(4, '0'), 'run.json'), 'utf8'),
    );
    const { id } = JSON.parse(await readFile(join(folder, 'sweep.json'), 'utf8'));
    expect(run).toMatchObject({ kind: 'train', state: 'finished', sweep: { id, trial: stopped.trial } });
    const own = JSON.parse(await readFile(join(folder, 'run.json'), 'utf8'));
    expect(own).toMatchObject({ kind: 'sweep', state: 'finished' });
  });

  test('the plan of the winner trains', async () => {
    const plan = join(root, 'whole', 'winner', 'plan.json');
    const summary = await trainRun({
      data: join(root, 'data'),
      plan,
      out: join(root, 'winner'),
      threads: 1,
      cache: join(root, 'cache'),
    });
    expect(summary.plan).toEqual(parsePlanText(await readFile(plan, 'utf8')));
  });

  test('killed at random moments and resumed, it ends as the unbroken one: nothing is lost, nothing run twice', async () => {
    const random = createRandom(11, 'kills');
    let kills = 0;
    for (let sitting = 0; sitting < 40; sitting++) {
      const options = tiny('broken', { resume: sitting > 0 });
      const signal = await killedAfter(options, 1 + random.integer(14));
      if (signal === null) break;
      expect(signal).toBe('SIGKILL');
      kills++;
    }
    expect(kills).toBeGreaterThan(2);
    expect(await bytesOfSweep('broken')).toEqual(await bytesOfSweep('whole'));
    const log = (await readFile(join(root, 'broken', 'log.jsonl'), 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const started = log.filter(({ event }) => event === 'trial started').map(({ trial }) => trial);
    const ended = log.filter(({ event }) => event === 'trial ended').map(({ trial }) => trial);
    expect([...new Set(started)].sort()).toEqual([1, 2, 3]);
    expect(ended.length).toBeLessThanOrEqual(3);
  }, 400_000);

  test('it goes on with a larger budget, and says that the test patients have been looked at', async () => {
    await cp(join(root, 'whole'), join(root, 'more'), { recursive: true });
    const before = await decisionsOf('more');
    const { result } = await runSweep(tiny('more', { resume: true, budget: { trials: 4 } }));
    expect(result.trials).toHaveLength(4);
    expect((await decisionsOf('more')).slice(0, before.length)).toEqual(before);
    const { winner } = JSON.parse(await readFile(join(root, 'whole', 'ranking.json'), 'utf8'));
    const own = JSON.parse(await readFile(join(root, 'more', 'run.json'), 'utf8'));
    let ofTrials = 0;
    for (const trial of await readdir(join(root, 'more', 'trials'))) {
      const run = JSON.parse(await readFile(join(root, 'more', 'trials', trial, 'run.json'), 'utf8'));
      ofTrials += run.coreSeconds;
    }
    expect(own.coreSeconds - own.ownCoreSeconds).toBeCloseTo(ofTrials, 1);
    expect(result.test!.earlier.map(({ trial }) => trial)).toEqual(result.winner === winner ? [] : [winner]);
  });

  test('a trial that fails is recorded with its error, and the others go on', async () => {
    const file = await specWith(
      'wild.yaml',
      /space:[\s\S]*sampler.*/,
      'space: { training.optimiser.learningRate: { choice: [1.0e+30, 0.01] } }\nsampler: { name: grid }',
    );
    const { result } = await runSweep(tiny('wild', { spec: file, budget: { trials: 2 } }));
    expect(result.trials.map(({ trial, state, rank }) => [trial, state, rank])).toEqual([
      [2, 'finished', 1],
      [1, 'failed', null],
    ]);
    expect(result.trials[1]!.error).toMatchObject({ code: 'training-failed' });
    expect(await readFile(join(root, 'wild', 'report.html'), 'utf8')).toContain('Failed trials');
  });

  test('two trials at a time, and two sweeps beside each other, do no harm', async () => {
    const both = await Promise.all([
      runSweep(tiny('left', { workers: 2 })),
      runSweep(tiny('right', { workers: 2 })),
    ]);
    for (const { result } of both) expect(result.trials.map(({ trial }) => trial).sort()).toEqual([1, 2, 3]);
  });

  test('two processes do not write one sweep', async () => {
    const first = runSweep(tiny('busy'));
    await expect
      .poll(() => readFile(join(root, 'busy', 'decisions.jsonl'), 'utf8').catch(() => ''), {
        timeout: 60_000,
      })
      .not.toBe('');
    await expect(runSweep(tiny('busy', { resume: true }))).rejects.toMatchObject({
      code: 'run-invalid',
      message: expect.stringContaining('Another sweep'),
    });
    await first;
  });

  test('cancelled, it leaves its trials, and can be resumed', async () => {
    const controller = new AbortController();
    const watch: SweepOptions['watch'] = ({ trials }) => {
      if (trials.some(({ epoch }) => epoch === 1)) controller.abort(new Error('enough'));
    };
    await expect(runSweep(tiny('cancelled', { watch }), { signal: controller.signal })).rejects.toThrow(
      'enough',
    );
    const { state } = JSON.parse(await readFile(join(root, 'cancelled', 'run.json'), 'utf8'));
    expect(state).toBe('stopped');
    await runSweep(tiny('cancelled', { resume: true }));
    expect(await bytesOfSweep('cancelled')).toEqual(await bytesOfSweep('whole'));
  });
});

describe('what cannot be is refused before the first trial', () => {
  test.each([
    [
      'a combination that no network has',
      'choice: [0, 0.5] }',
      'choice: [0, 0.5] }\n  training.patchSize: { choice: [65, 33] }',
      'training.patchSize is 33, expected at least',
    ],
    [
      'an even patch at the end of a range',
      'choice: [0, 0.5] }',
      'choice: [0, 0.5] }\n  training.patchSize: { int: [65, 80] }',
      'expected an odd number',
    ],
    [
      'layers that are not there',
      'choice: [0, 0.5] }',
      'choice: [0, 0.5] }\n  training.transfer.frozen: { choice: { stem: [{ names: [stem], untilEpoch: null }] } }',
      'layers that the network does not have',
    ],
    ['patients that are not there', 'test: C', 'test: Z', 'not in the data'],
    ['patients on both sides', 'test: C', 'test: B', 'two sides'],
  ])('%s', async (_, from, to, message) => {
    const file = await specWith('impossible.yaml', from, to);
    await expect(runSweep(tiny('never', { spec: file }))).rejects.toThrowError(message);
    await expect(outlineSweep({ spec: file, cache: join(root, 'cache') })).rejects.toThrowError(message);
    expect(await readdir(root)).not.toContain('never');
  });

  test('weights that are not there', async () => {
    const file = await specWith(
      'weights.yaml',
      'choice: [0, 0.5] }',
      'choice: [0, 0.5] }\n  training.transfer.weights: { choice: { none: null, some: nowhere.safetensors } }',
    );
    await expect(runSweep(tiny('never', { spec: file }))).rejects.toMatchObject({
      code: 'sweep-invalid',
      message: expect.stringContaining('nowhere.safetensors'),
    });
    expect(await readdir(root)).not.toContain('never');
  });

  test('another sweep in the folder', async () => {
    await expect(runSweep(tiny('whole'))).rejects.toMatchObject({ code: 'already-exists' });
    const file = await specWith('other.yaml', 'training.steps: 6', 'training.steps: 8');
    await expect(runSweep(tiny('whole', { spec: file, resume: true }))).rejects.toMatchObject({
      code: 'run-invalid',
      message: expect.stringContaining('differs in set'),
    });
    await expect(runSweep(tiny('nothing', { resume: true }))).rejects.toMatchObject({ code: 'run-invalid' });
    await expect(runSweep({ ...tiny('x', { force: true }), out: join(root, 'data') })).rejects.toMatchObject({
      code: 'run-invalid',
    });
  });
});

test('an outline lists the trials that do not depend on results, and writes nothing', async () => {
  const before = await readdir(root);
  const outline = await outlineSweep({ spec, cache: join(root, 'cache') });
  expect(outline).toMatchObject({ planned: 3, checked: 4 });
  expect(outline.trials.map(({ trial, by }) => [trial, by])).toEqual([
    [1, 'latin-hypercube start'],
    [2, 'latin-hypercube start'],
  ]);
  expect(await readdir(root)).toEqual(before);
});
