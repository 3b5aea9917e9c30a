import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeRun } from '@glisson/pipeline/testing/made-run';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const program = fileURLToPath(new URL('../../bin/glisson.js', import.meta.url));
let folder = '';

function glisson(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, 'runs', ...args], {
    cwd: folder,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'glisson-runs-'));
  for (const n of [1, 2, 3]) {
    await makeRun(join(folder, 'runs', `trial-${n}`), {
      recipe: n === 3 ? 'unet-2d' : 'patch-small',
      set: { 'training.optimiser.learningRate': 10 ** -n, 'training.seed': n },
      lesionDice: [0.5, 0.6, 0.1 * n],
    });
  }
  const plan = join(folder, 'runs', 'trial-1', 'plan.json');
  writeFileSync(plan, readFileSync(plan, 'utf8').replace('"seed": 1', '"seed": 8'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('glisson runs', () => {
  test('list: a table with the best by validation and what is damaged; filters, columns, JSON', () => {
    const { status, stdout } = glisson('list');
    expect(status).toBe(0);
    expect(stdout).toContain('trial-3 *');
    expect(stdout).toContain('* best: the highest lesion Dice on validation patients');
    expect(stdout).toMatch(/damaged: trial-1: plan\.json was edited/);
    const few = glisson(
      'list',
      '--where',
      'recipe=patch-small and lr<0.05',
      '--columns',
      'lr,dice',
      '--json',
    );
    expect(JSON.parse(few.stdout)).toMatchObject({
      total: 1,
      runs: [{ run: 'trial-2', values: { lr: 0.01, dice: expect.closeTo(1.3 / 3) } }],
    });
    expect(glisson('list', '--limit', '1').stdout).toContain('1 of 3 runs; --limit all shows all.');
  });

  test('show, rebuild and export', () => {
    const { stdout } = glisson('show', 'trial-2');
    for (const text of ['recipe         patch-small', 'validationLesionDice', 'training.seed', 'volume-7']) {
      expect(stdout).toContain(text);
    }
    expect(JSON.parse(glisson('show', 'runs/trial-2', '--json').stdout)).toMatchObject({
      state: 'finished',
      seed: 2,
    });
    expect(glisson('rebuild').stdout).toContain('Read 3 runs anew');
    expect(glisson('export', '--format', 'csv', '--out', '-').stdout.split('\r\n')).toHaveLength(4);
  });

  test('compare: what differs in the plans, and scores of the same cases', () => {
    const { stdout, status } = glisson('compare', 'trial-2', 'trial-3');
    expect(status).toBe(0);
    expect(stdout).toMatch(/training\.optimiser\.learningRate +0\.01 +0\.001/);
    expect(stdout).toMatch(/trial-3 +validation +prepared +lesionDice +3 \(3\) .*\+0\.033 +too few patients/);
  });

  test('prune lists, and deletes only with --yes', async () => {
    await makeRun(join(folder, 'more', 'a'), { lesionDice: [0.1, 0.1, 0.1] });
    await makeRun(join(folder, 'more', 'b'));
    const args = ['prune', '--runs', 'more', '--keep-best', '1'];
    const listed = glisson(...args);
    expect(listed.stdout).toMatch(/^a .*not among the best 1 by validation/m);
    expect(listed.stdout).toContain('Nothing was: --yes deletes it.');
    expect(readdirSync(join(folder, 'more'))).toContain('a');
    const done = glisson(...args, '--yes');
    expect(done.stderr).toMatch(/^a .*not among/m);
    expect(done.stdout).toContain('of 1 runs');
    expect(readdirSync(join(folder, 'more'))).not.toContain('a');
    expect(glisson('list', '--runs', 'more', '--columns', 'state').stdout).not.toMatch(/^a /m);
  });

  test.each([
    [['prune'], 2, 'Say what may go'],
    [['prune', 'trial-2', '--where', 'lr<1'], 2, 'not both'],
    [['compare', 'trial-2'], 2, 'takes 2 or more RUNs, found 1'],
    [['list', '--where', 'recip=a'], 2, 'Did you mean recipe?'],
    [['list', '--where', 'lr <'], 2, 'at character 5'],
    [['list', '--sort', 'dice:down'], 2, 'The order cannot be read.'],
    [['list', '--format', 'csv'], 2, '--format does not go with runs list.'],
    [['list', '--columns', 'a,,b'], 2, 'Expected names'],
    [['list', 'trial-1'], 2, 'takes no RUN, found 1'],
    [['list', '--runs', 'nowhere'], 1, 'There is no folder of runs here.'],
    [['show'], 2, 'takes 1 RUN, found 0'],
    [['show', 'trial-9'], 1, 'Did you mean trial-'],
    [['lst'], 2, 'Expected list'],
  ])('%s: exit code %i', (args, code, message) => {
    const { status, stderr } = glisson(...args);
    expect(stderr).toContain(message);
    expect(status).toBe(code);
  });
});
