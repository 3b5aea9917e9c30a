import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { encodeModel } from '@glisson/nn/onnx/encode-model';
import { type RunFile, runFileName } from '../experiments/record/run-file.ts';
import type { Plan } from '../plan/plan.ts';
import { hashJson, planHash, planText } from '../plan/plan-text.ts';
import { applyFields } from '../plan/set-fields.ts';
import { thresholdOnnx } from './foreign-models.ts';
import { thresholdPlan } from './threshold-model.ts';

export interface MadeRun {
  /** Fields of the plan by dotted name. */
  readonly set?: Readonly<Record<string, unknown>>;
  readonly recipe?: string;
  /** Lesion Dice of each validation case at the end; its liver Dice is 0.9. */
  readonly lesionDice?: readonly number[];
  /** Without run.json, as runs were before there was one. */
  readonly old?: boolean;
  /** How far it came; default: to the end. */
  readonly state?: RunFile['state'];
  /** Fields of run.json. */
  readonly file?: Partial<RunFile>;
}

/** Patients P0 to P9, a case each: six train, three validate, one tests. */
export function madeSplit(): Plan['split'] {
  const ids = Array.from({ length: 10 }, (_, n) => `volume-${n}`);
  return {
    train: ids.slice(0, 6),
    validation: ids.slice(6, 9),
    test: ids.slice(9),
    patients: Object.fromEntries(ids.map((id, n) => [id, `P${n}`])),
  };
}

/** The plan of a made run. */
export function madePlan(made: MadeRun = {}): Plan {
  const plan = { ...thresholdPlan(), recipe: made.recipe ?? 'unet-2d', split: madeSplit() };
  return applyFields(plan, new Map(Object.entries(made.set ?? {})));
}

/** Writes what a training would have left, without one: four epochs of ten steps, the third is the best. */
export async function makeRun(folder: string, made: MadeRun = {}): Promise<RunFile> {
  const plan = madePlan(made);
  const { state = 'finished', lesionDice = [0.6, 0.7, 0.8] } = made;
  const isFinished = state === 'finished';
  const mean = lesionDice.reduce((sum, value) => sum + value, 0) / lesionDice.length;
  const lines = [1, 2, 3, 4].flatMap((epoch) => {
    const step = 10 * epoch;
    const scores = { liverDice: 0.9, lesionDice: mean - 0.05 * Math.abs(3 - epoch) };
    return [
      {
        kind: 'steps',
        step,
        loss: 1 / epoch,
        crossEntropy: 0.5,
        softDice: [0.9, 0.8, 0.5],
        learningRate: 1e-3,
      },
      { kind: 'epoch', epoch, step, ...scores, score: (0.9 + scores.lesionDice) / 2, best: epoch < 4 },
    ];
  });
  const evaluation = {
    schema: 'glisson.validation/1',
    grid: 'prepared',
    slices: 'all',
    liverThreshold: 0.5,
    lesionThreshold: 0.5,
    bestEpoch: 3,
    liverDice: 0.9,
    lesionDice: mean,
    cases: plan.split.validation.map((id, n) => ({ id, liverDice: 0.9, lesionDice: lesionDice[n] ?? null })),
  };
  const model = encodeModel({ ...thresholdOnnx(), metadata: { 'glisson.plan': planText(plan) } });
  const log = [
    { time: '2026-01-01T10:00:00.000Z', event: 'started', step: 0 },
    ...(isFinished ? [{ time: '2026-01-01T10:01:00.000Z', event: 'finished', seconds: 60 }] : []),
  ];
  const jsonLines = (list: readonly object[]) => list.map((line) => `${JSON.stringify(line)}\n`).join('');
  const files: Record<string, string | Uint8Array> = {
    'plan.json': planText(plan),
    'environment.json': `${JSON.stringify({ schema: 'glisson.environment/1', node: 'v20.20.2' })}\n`,
    'metrics.jsonl': jsonLines(lines),
    'log.jsonl': jsonLines(log),
    ...(isFinished && { 'evaluation.json': JSON.stringify(evaluation), 'model.onnx': model }),
  };
  await mkdir(folder, { recursive: true });
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);

  const contents = Object.entries(files)
    .filter(([name]) => name !== 'log.jsonl' && name !== 'environment.json')
    .map(([name, content]) => [
      name,
      { bytes: Buffer.byteLength(content), sha256: createHash('sha256').update(content).digest('hex') },
    ]);
  const hash = planHash(plan);
  const file: RunFile = {
    schema: 'glisson.run/1',
    kind: 'train',
    id: `${basename(folder)}-${hash.slice(0, 6)}`,
    command: 'glisson train',
    started: '2026-01-01T10:00:00.000Z',
    ended: state === 'running' ? null : '2026-01-01T10:01:00.000Z',
    state,
    error: state === 'failed' ? 'Training has diverged.' : null,
    seconds: 60,
    coreSeconds: 100,
    gitCommit: null,
    environment: { node: 'v20.20.2' },
    planHash: hash,
    dataHash: plan.fingerprint.dataHash === '' ? null : hashJson('data'),
    foldsHash: null,
    files: Object.fromEntries(Object.keys(plan.split.patients).map((id) => [id, hashJson(id)])),
    weights: { origin: 'random', file: null, sha256: null },
    sweep: null,
    ...(isFinished && { contents: Object.fromEntries(contents) }),
    ...made.file,
  };
  // Without syncing: benchmarks make thousands.
  if (!made.old) await writeFile(join(folder, runFileName), `${JSON.stringify(file, null, 2)}\n`);
  return file;
}
