import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeRun } from '../../testing/made-run.ts';
import { lockRun } from '../../train/run-lock.ts';
import { readRun } from '../record/read-run.ts';
import type { RunRecord } from '../record/run-record.ts';
import { carryOutPrune } from './carry-out-prune.ts';
import { planPrune } from './plan-prune.ts';

let root: string;
let runs: RunRecord[];
const at = (...parts: string[]) => join(root, ...parts);
const namesOf = (list: readonly { folder: string }[]) =>
  list.map(({ folder }) => folder.slice(root.length + 1));

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'glisson-prune-'));
  for (const [n, dice] of [0.4, 0.9, 0.6].entries()) {
    await makeRun(at(`run-${n}`), { lesionDice: [dice, dice, dice] });
    await mkdir(at(`run-${n}`, 'checkpoints'));
    await writeFile(at(`run-${n}`, 'checkpoints', 'last.safetensors'), 'x'.repeat(1000));
  }
  await makeRun(at('failed'), { state: 'failed' });
  runs = await Promise.all(['run-0', 'run-1', 'run-2', 'failed'].map((name) => readRun(at(name))));
});

afterEach(() => rm(root, { recursive: true, force: true }));

describe('pruning', () => {
  test('keeps the best by validation, and lists before it deletes', async () => {
    const plan = await planPrune({ candidates: runs, keepBest: 1 });
    expect(namesOf(plan.runs)).toEqual(['run-0', 'run-2']);
    expect(plan.runs[0]!.bytes).toBeGreaterThan(1000);
    expect((await readdir(root)).length).toBe(4);
    await carryOutPrune(plan);
    expect((await readdir(root)).sort()).toEqual(['failed', 'run-1']);
  });

  test('failed runs, by themselves or beside the others', async () => {
    expect(namesOf((await planPrune({ candidates: runs, failed: true })).runs)).toEqual(['failed']);
    const both = await planPrune({ candidates: runs, failed: true, keepBest: 2 });
    expect(namesOf(both.runs)).toEqual(['run-0', 'failed']);
  });

  test('checkpoints only, of finished runs; the runs stay as they are', async () => {
    const plan = await planPrune({ candidates: runs, checkpoints: true, keepBest: 1 });
    expect(plan.runs.map(({ entries, bytes }) => [entries, bytes])).toEqual([
      [['checkpoints'], 1000],
      [['checkpoints'], 1000],
    ]);
    await carryOutPrune(plan);
    expect(existsSync(at('run-0', 'checkpoints'))).toBe(false);
    expect(existsSync(at('run-1', 'checkpoints'))).toBe(true);
    expect(await readRun(at('run-0'))).toEqual(runs[0]);
  });

  test('never a run that is running, a trial of a sweep that is, or a whole sweep', async () => {
    const unlock = await lockRun(at('run-0', '.lock'));
    await cp(at('run-2'), at('sweep', 'trials', '0001'), { recursive: true });
    await writeFile(at('sweep', 'sweep.json'), '{}');
    const unlockSweep = await lockRun(at('sweep', '.lock'));
    const trial = await readRun(at('sweep', 'trials', '0001'));
    const whole: RunRecord = { ...trial, kind: 'sweep', folder: at('sweep') };
    const plan = await planPrune({ candidates: [runs[0]!, trial, whole] });
    expect(plan.runs).toEqual([]);
    expect(namesOf(plan.kept)).toEqual(['run-0', 'sweep/trials/0001', 'sweep']);
    await unlock();
    const later = await planPrune({ candidates: [runs[0]!] });
    // It begins to run between the list and the deletion.
    const unlockAgain = await lockRun(at('run-0', '.lock'));
    expect(await carryOutPrune(later)).toEqual([]);
    await unlockAgain();
    await unlockSweep();
    expect(existsSync(at('run-0', 'model.onnx'))).toBe(true);
  });

  test('what somebody else put into a run stays', async () => {
    await writeFile(at('run-0', 'notes.txt'), 'mine');
    const [pruned] = await carryOutPrune(await planPrune({ candidates: [runs[0]!] }));
    expect(pruned!.left).toEqual(['notes.txt']);
    expect(await readdir(at('run-0'))).toEqual(['notes.txt']);
  });
});
