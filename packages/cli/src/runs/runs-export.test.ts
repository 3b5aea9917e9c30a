import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startMlflowServer } from '@glisson/pipeline/experiments/export/testing/mlflow-server';
import { makeRun } from '@glisson/pipeline/testing/made-run';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const program = fileURLToPath(new URL('../../bin/glisson.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'glisson-runs-export-'));
const at = (...parts: string[]) => join(folder, ...parts);

/** `glisson runs export …` in the test's folder. */
async function exportRuns(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, [program, 'runs', 'export', ...args], {
    cwd: folder,
    env: { ...process.env, ...env },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (piece: Buffer) => {
    stdout += piece.toString();
  });
  child.stderr.on('data', (piece: Buffer) => {
    stderr += piece.toString();
  });
  const status = await new Promise<number | null>((ended) => child.on('close', ended));
  return { status, stdout, stderr };
}

beforeAll(async () => {
  await makeRun(at('runs', 'fast'), { set: { 'training.optimiser.learningRate': 0.01 } });
  await makeRun(at('runs', 'sweep', 'trials', '0001'), { set: { 'training.optimiser.learningRate': 1e-7 } });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('glisson runs export', () => {
  test('writes one row a run to a file, and not over a file without --force', async () => {
    const done = await exportRuns(['--format', 'csv', '--json']);
    expect(done.status, done.stderr).toBe(0);
    expect(JSON.parse(done.stdout)).toEqual({
      schema: 'glisson.export/1',
      format: 'csv',
      runs: 2,
      flagged: [],
      out: 'runs.csv',
    });
    const lines = readFileSync(at('runs.csv'), 'utf8').split('\r\n');
    expect(lines[0]).toMatch(/^run,id,kind,/);
    expect(
      lines
        .slice(1, 3)
        .map((line) => line.split(',', 1)[0])
        .sort(),
    ).toEqual(['fast', 'sweep/trials/0001']);
    const again = await exportRuns(['--format', 'csv']);
    expect([again.status, again.stderr]).toEqual([1, expect.stringContaining('--force')]);
    expect((await exportRuns(['--format', 'csv', '--force'])).status).toBe(0);
  });

  test('writes text to stdout, of the runs that a condition names', async () => {
    const { status, stdout } = await exportRuns([
      ...['--format', 'markdown', '--out', '-'],
      ...['--where', 'training.optimiser.learningRate < 1e-3'],
    ]);
    expect(status).toBe(0);
    expect(stdout.split('\n').filter((line) => line.startsWith('|'))).toHaveLength(3);
    expect(stdout).toContain('| sweep/trials/0001 |');
  });

  test('writes a workbook, JSON, and a folder for TensorBoard', async () => {
    for (const format of ['xlsx', 'json', 'tensorboard']) {
      const { status, stderr } = await exportRuns(['--format', format]);
      expect(status, stderr).toBe(0);
    }
    expect(readFileSync(at('runs.xlsx')).subarray(0, 2).toString()).toBe('PK');
    expect(JSON.parse(readFileSync(at('runs.json'), 'utf8')).runs).toHaveLength(2);
    expect(readdirSync(at('runs-tensorboard', 'sweep', 'trials', '0001'))).toEqual([
      expect.stringMatching(/^events\.out\.tfevents\.\d+\.glisson$/),
    ]);
  });

  test('brings runs to MLflow once, however often it is asked to', async () => {
    const server = await startMlflowServer();
    try {
      const env = { MLFLOW_TRACKING_URI: server.uri };
      const first = await exportRuns(['--format', 'mlflow', '--experiment', 'livers'], env);
      expect(first.status, first.stderr).toBe(0);
      expect(first.stdout).toContain('Experiment livers: 2 created, 0 replaced, 0 unchanged');
      const second = await exportRuns(['--format', 'mlflow', '--experiment', 'livers'], env);
      expect(second.stdout).toContain('0 created, 0 replaced, 2 unchanged');
      expect(server.runs).toHaveLength(2);
      expect(JSON.stringify(server.requests)).not.toContain(folder);
    } finally {
      await server.close();
    }
  });

  test('writes no empty file over a good one', async () => {
    const { status, stderr } = await exportRuns([
      '--format',
      'csv',
      '--force',
      '--where',
      'recipe = nothing',
    ]);
    expect([status, stderr]).toEqual([1, expect.stringContaining('none of which matches')]);
    expect((await exportRuns(['--format', 'csv', '--runs', 'elsewhere', '--out', 'no.csv'])).status).toBe(1);
    expect(existsSync(at('no.csv'))).toBe(false);
  });

  test.each([
    [['--format', 'mlflow'], 'MLFLOW_TRACKING_URI'],
    [[], '--format'],
    [['--format', 'xlsx', '--out', '-'], 'it is no text'],
    [['--format', 'csv', '--out', '-', '--json'], 'leave one out'],
    [['--format', 'json', '--table', 'cases'], '--table'],
    [['--format', 'csv', '--experiment', 'x'], '--experiment'],
    [['--format', 'csv', '--where', 'nonsense = 1', '--out', 'no.csv'], 'nonsense'],
  ])('%j is refused as a wrong command line', async (args, said) => {
    const { status, stderr, stdout } = await exportRuns(args, { MLFLOW_TRACKING_URI: '' });
    expect(status).toBe(2);
    expect(stderr + stdout).toContain(said);
    expect(existsSync(at('no.csv'))).toBe(false);
  });
});
