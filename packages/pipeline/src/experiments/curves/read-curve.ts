import { readFile } from 'node:fs/promises';
import { basename, relative, resolve } from 'node:path';
import { z } from 'zod';
import { PipelineError } from '../../errors/pipeline-error.ts';
import type { Metrics } from '../../train/metrics.ts';
import { runPaths } from '../../train/run-folder.ts';
import { readJsonLines } from '../record/read-lines.ts';
import { curveOf, type RunCurve } from './run-curve.ts';

const dice = z.number().nullable();
const steps = { step: z.number(), loss: z.number(), learningRate: z.number() };
const scores = { epoch: z.number(), step: z.number(), liverDice: dice, lesionDice: dice, score: z.number() };

/** What a curve needs of a line; lines of kinds to come are passed over. */
const lineSchema = z.union([
  z.looseObject({
    kind: z.literal('steps'),
    ...steps,
    softDice: z.array(z.number()).optional(),
    accuracy: z.number().optional(),
  }),
  z.looseObject({ kind: z.literal('epoch'), ...scores, best: z.boolean() }),
  z.looseObject({ kind: z.literal('watched'), ...scores }),
]);

/** Only these: a run whose plan was edited elsewhere still has its curve. */
const planSchema = z.looseObject({
  training: z.looseObject({ steps: z.int().positive(), stepsPerEpoch: z.int().positive() }),
});

/**
 * Reads the course of a training from its folder; of a run that is going on, as far as it has come. A last line that was not
 * finished is left out.
 * @throws PipelineError `run-invalid` when the folder is no run of `train`, or its metrics are damaged or hold no epoch yet
 */
export async function readCurve(folder: string, name = basename(resolve(folder))): Promise<RunCurve> {
  const paths = runPaths(resolve(folder));
  const text = await readFile(paths.plan, 'utf8').catch(() => undefined);
  const read = text === undefined ? undefined : await readJsonLines(paths.metrics);
  if (text === undefined || read === undefined) {
    throw new PipelineError('run-invalid', 'The folder holds no run of a training.', {
      where: folder,
      found: text === undefined ? 'no plan.json' : 'no metrics.jsonl',
      expected: 'a folder that glisson train writes',
    });
  }
  const plan = planSchema.safeParse(parsed(text));
  if (!plan.success) {
    throw new PipelineError('run-invalid', 'The plan of the run is damaged.', {
      where: paths.plan,
      expected: 'training.steps and training.stepsPerEpoch',
    });
  }
  const metrics: Metrics[] = [];
  for (const [n, line] of read.lines.entries()) {
    const result = lineSchema.safeParse(line);
    if (result.success) metrics.push(result.data as unknown as Metrics);
    else if (['steps', 'epoch', 'watched'].includes(String(line.kind))) {
      const [issue] = result.error.issues;
      throw new PipelineError('run-invalid', 'The metrics of the run are damaged.', {
        where: `${paths.metrics}, line ${n + 1}`,
        found: issue?.message ?? JSON.stringify(line),
        expected: 'the lines that glisson train wrote',
      });
    }
  }
  const curve = curveOf(name, metrics, plan.data.training);
  if (curve.epochs.length > 0) return curve;
  throw new PipelineError('run-invalid', 'There is no curve yet.', {
    where: folder,
    found: `${metrics.length} line${metrics.length === 1 ? '' : 's'} of steps, no epoch`,
    advice: 'Wait for the first epoch to end, or set a smaller training.stepsPerEpoch.',
  });
}

/** Reads several, named after their folders; by their paths where two folders are called the same. */
export async function readCurves(folders: readonly string[]): Promise<RunCurve[]> {
  const names = folders.map((folder) => basename(resolve(folder)));
  return Promise.all(
    folders.map((folder, n) => {
      const isUnique = names.indexOf(names[n]!) === names.lastIndexOf(names[n]!);
      return readCurve(folder, isUnique ? names[n]! : relative('.', resolve(folder)) || '.');
    }),
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
