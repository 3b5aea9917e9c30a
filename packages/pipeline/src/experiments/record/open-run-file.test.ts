import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { weightSources } from '@glisson/nn/weights/registry';
import { writeSafetensors } from '@glisson/nn/weights/safetensors';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeRun } from '../../testing/made-run.ts';
import { gitCommit } from './git-commit.ts';
import { openRunFile, type RunBeginning } from './open-run-file.ts';
import { readRunFile } from './run-file.ts';
import { trainedOnKey, weightsOrigin } from './weights-origin.ts';

let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'glisson-run-file-'));
});

afterAll(() => rm(root, { recursive: true, force: true }));

const beginning: RunBeginning = {
  kind: 'train',
  environment: {},
  planHash: 'a'.repeat(64),
  dataHash: null,
  files: {},
  weights: null,
};

describe('openRunFile', () => {
  test('says running until it is ended, and counts processor time', async () => {
    const folder = join(root, 'run');
    const run = await openRunFile(folder, beginning);
    expect(await readRunFile(folder)).toMatchObject({ state: 'running', ended: null, seconds: null });
    expect(run.file.id).toMatch(/^\d{8}-\d{6}-aaaaaa$/);
    await writeFile(join(folder, 'metrics.jsonl'), '{}\n');
    await run.end({ state: 'finished', contents: ['metrics.jsonl', 'model.onnx'] });
    const file = await readRunFile(folder);
    expect(file).toMatchObject({ state: 'finished', contents: { 'metrics.jsonl': { bytes: 3 } } });
    expect(Object.keys(file!.contents!)).toHaveLength(1);
    expect(file!.coreSeconds).toBeGreaterThanOrEqual(0);
  });

  test('a killed session counts by the last word of its log', async () => {
    const folder = join(root, 'killed');
    const first = await openRunFile(folder, beginning);
    await writeFile(
      join(folder, 'log.jsonl'),
      '{"event":"epoch","seconds":100,"coreSeconds":190}\n{"event":',
    );
    const second = await openRunFile(folder, { ...beginning, resume: true });
    expect(second.file.id).toBe(first.file.id);
    const { seconds, coreSeconds } = await second.end({ state: 'stopped' });
    expect(seconds).toBeGreaterThanOrEqual(100);
    expect(coreSeconds).toBeGreaterThanOrEqual(190);
  });
});

describe('gitCommit', () => {
  const hash = 'c0ffee'.padEnd(40, '0');

  test('reads loose and packed references, detached heads and linked worktrees', async () => {
    const git = join(root, 'repository', '.git');
    await mkdir(join(git, 'refs', 'heads'), { recursive: true });
    await writeFile(join(git, 'HEAD'), 'ref: refs/heads/main\n');
    const inside = join(root, 'repository', 'deep', 'down');
    await mkdir(inside, { recursive: true });
    expect(await gitCommit(inside)).toBeNull();
    await writeFile(join(git, 'packed-refs'), `# pack-refs\n${hash} refs/heads/main\n`);
    expect(await gitCommit(inside)).toBe(hash);
    await writeFile(join(git, 'refs', 'heads', 'main'), `${'d'.repeat(40)}\n`);
    expect(await gitCommit(inside)).toBe('d'.repeat(40));
    const linked = join(root, 'linked');
    await mkdir(join(git, 'worktrees', 'linked'), { recursive: true });
    await mkdir(linked);
    await writeFile(join(linked, '.git'), `gitdir: ${join(git, 'worktrees', 'linked')}\n`);
    await writeFile(join(git, 'worktrees', 'linked', 'commondir'), '../..\n');
    await writeFile(join(git, 'worktrees', 'linked', 'HEAD'), 'ref: refs/heads/main\n');
    expect(await gitCommit(linked)).toBe('d'.repeat(40));
    await writeFile(join(git, 'worktrees', 'linked', 'HEAD'), `${hash}\n`);
    expect(await gitCommit(linked)).toBe(hash);
  });
});

describe('weightsOrigin', () => {
  test('goes by registry, by what the file says, by the run it lies in, and by its name', async () => {
    const [known] = weightSources;
    const origin = async (file: string | null, sha256: string | null = null, used = true) =>
      (await weightsOrigin(file === null ? null : join(root, file), sha256, used)).origin;
    expect(await origin(null)).toBe('random');
    expect(await origin('cifar10.safetensors', null, false)).toBe('random');
    expect(await origin('some.bin', known!.sha256)).toBe('ImageNet');
    expect(await origin('resnet20_cifar10.th')).toBe('CIFAR-10');
    expect(await origin('mine.pth')).toBe('mine.pth');
    const bytes = writeSafetensors({ arrays: {}, metadata: { [trainedOnKey]: 'phantoms' } });
    await writeFile(join(root, 'own.safetensors'), bytes);
    expect(await origin('own.safetensors')).toBe('phantoms');
    const provenance = {
      schema: 'glisson.weights/1',
      name: 'x',
      source: { kind: 'file', sha256: known!.sha256 },
    };
    await writeFile(join(root, 'imported.json'), JSON.stringify(provenance));
    expect(await origin('imported.safetensors')).toBe('ImageNet');
    const { id } = await makeRun(join(root, 'made'));
    expect(await origin('made/checkpoints/best.safetensors')).toBe(`run ${id}`);
    await makeRun(join(root, 'synthetic'), { file: { layout: 'glisson-phantom' } });
    expect(await origin('synthetic/model.onnx')).toBe('phantoms');
  });
});
