import type { TaskControl } from '@glisson/imaging/progress/progress';
import { z } from 'zod';
import { PipelineError } from '../../../errors/pipeline-error.ts';
import type { ExportRun } from '../export-run.ts';
import { readRunSeries } from '../run-series.ts';
import { logBatches } from './log-batches.ts';
import { type MlflowClient, MlflowRefusal } from './mlflow-client.ts';
import { type MlflowRun, mlflowRun } from './mlflow-run.ts';

/** What became of a run. */
export interface MlflowOutcome {
  readonly name: string;
  /** `unchanged`: it was there with the same content. `replaced`: an older or unfinished export of it was deleted. */
  readonly action: 'created' | 'replaced' | 'unchanged';
  readonly mlflowRunId: string;
  /** Parameters that were cut to MLflow's length. */
  readonly cut: readonly string[];
}

/** Tags by which runs are found again. The second is written when all else is there. */
const identityTag = 'glisson.run';
const contentTag = 'glisson.content';

const experimentAnswer = z.looseObject({
  experiment: z.looseObject({ experiment_id: z.string(), lifecycle_stage: z.string().optional() }),
});
const createdExperiment = z.looseObject({ experiment_id: z.string() });
const storedRun = z.looseObject({
  info: z.looseObject({ run_id: z.string() }),
  data: z
    .looseObject({ tags: z.array(z.looseObject({ key: z.string(), value: z.string() })).optional() })
    .optional(),
});
const createdRun = z.looseObject({ run: storedRun });
const foundRuns = z.looseObject({ runs: z.array(storedRun).optional() });

/**
 * Finds an experiment by its name, or makes it.
 * @throws PipelineError `server-refused`, also when the experiment is in MLflow's trash; `server-unreachable`
 */
export async function findExperiment(client: MlflowClient, name: string): Promise<string> {
  const find = async () => {
    const answer = await client.get('experiments/get-by-name', { experiment_name: name });
    const { experiment } = understood(experimentAnswer, answer, 'experiments/get-by-name');
    if (experiment.lifecycle_stage !== 'deleted') return experiment.experiment_id;
    throw new PipelineError('server-refused', 'The experiment was deleted in MLflow.', {
      where: name,
      advice: 'Restore it there, or choose another name with --experiment.',
    });
  };
  try {
    return await find();
  } catch (error) {
    if (!isRefusal(error, 'RESOURCE_DOES_NOT_EXIST')) throw error;
  }
  try {
    const answer = await client.post('experiments/create', { name });
    return understood(createdExperiment, answer, 'experiments/create').experiment_id;
  } catch (error) {
    // Somebody was faster, or an attempt that seemed to fail had been obeyed.
    if (isRefusal(error, 'RESOURCE_ALREADY_EXISTS')) return find();
    throw error;
  }
}

/**
 * Brings runs into an experiment, each once however often it is exported: a run that is there with the same content is left
 * alone, one that changed since (a training went on, a test was added) or whose export broke off is written anew, and the old one
 * goes to MLflow's trash when the new one is whole. Tags that people gave the old one are kept.
 * @param withCases also send scores by case, with the names of cases and patients
 * @throws PipelineError `server-refused`, `server-unreachable`; what was exported until then stays
 */
export async function exportToMlflow(
  client: MlflowClient,
  experimentId: string,
  runs: readonly ExportRun[],
  { withCases }: { readonly withCases: boolean },
  { onProgress, signal }: TaskControl = {},
): Promise<MlflowOutcome[]> {
  const outcomes: MlflowOutcome[] = [];
  for (const [i, run] of runs.entries()) {
    signal?.throwIfAborted();
    onProgress?.({ stage: 'export', done: i, total: runs.length, unit: 'runs', note: run.name });
    const told = mlflowRun(run, await readRunSeries(run), withCases);
    outcomes.push(await bringRun(client, experimentId, told));
  }
  onProgress?.({ stage: 'export', done: runs.length, total: runs.length, unit: 'runs' });
  return outcomes;
}

type StoredRun = z.infer<typeof storedRun>;

/** The same for one run in MLflow's terms. */
export async function bringRun(
  client: MlflowClient,
  experimentId: string,
  run: MlflowRun,
): Promise<MlflowOutcome> {
  const there = await findRuns(client, experimentId, run.identity);
  const same = there.find((one) => tagOf(one, contentTag) === run.content);
  if (same !== undefined) {
    await deleteRuns(
      client,
      there.filter((one) => one !== same),
    );
    return { name: run.name, action: 'unchanged', mlflowRunId: same.info.run_id, cut: run.cut };
  }
  const answer = await client.post('runs/create', {
    experiment_id: experimentId,
    run_name: run.name,
    start_time: run.startTime,
    tags: [{ key: identityTag, value: run.identity }],
  });
  const { run_id: id } = understood(createdRun, answer, 'runs/create').run.info;
  const tags = [...keptTags(there), ...run.tags];
  for (const batch of logBatches({ ...run, tags })) {
    await client.post('runs/log-batch', { run_id: id, ...batch });
  }
  await client.post('runs/update', {
    run_id: id,
    status: run.status,
    ...(run.endTime !== null && { end_time: run.endTime }),
  });
  const done = { run_id: id, metrics: [], params: [], tags: [{ key: contentTag, value: run.content }] };
  await client.post('runs/log-batch', done);
  // Looked up again: a repeated runs/create may have made two.
  const others = await findRuns(client, experimentId, run.identity);
  await deleteRuns(
    client,
    others.filter((one) => one.info.run_id !== id),
  );
  return { name: run.name, action: there.length > 0 ? 'replaced' : 'created', mlflowRunId: id, cut: run.cut };
}

async function findRuns(client: MlflowClient, experimentId: string, identity: string): Promise<StoredRun[]> {
  const answer = await client.post('runs/search', {
    experiment_ids: [experimentId],
    filter: `tags.\`${identityTag}\` = '${identity}'`,
    run_view_type: 'ACTIVE_ONLY',
    max_results: 100,
  });
  return understood(foundRuns, answer, 'runs/search').runs ?? [];
}

async function deleteRuns(client: MlflowClient, runs: readonly StoredRun[]): Promise<void> {
  for (const { info } of runs) {
    try {
      await client.post('runs/delete', { run_id: info.run_id });
    } catch (error) {
      // Gone already: somebody was faster, or an attempt that seemed to fail had been obeyed.
      const isGone =
        isRefusal(error, 'INVALID_PARAMETER_VALUE') || isRefusal(error, 'RESOURCE_DOES_NOT_EXIST');
      if (!isGone) throw error;
    }
  }
}

/** Tags of people: not ours, and of MLflow's own the note only. */
function keptTags(there: readonly StoredRun[]) {
  const kept = new Map<string, string>();
  for (const { data } of there) {
    for (const { key, value } of data?.tags ?? []) {
      const isOurs =
        key.startsWith('glisson.') || (key.startsWith('mlflow.') && key !== 'mlflow.note.content');
      if (!isOurs) kept.set(key, value);
    }
  }
  return [...kept].map(([key, value]) => ({ key, value }));
}

function tagOf({ data }: StoredRun, key: string): string | undefined {
  return data?.tags?.find((tag) => tag.key === key)?.value;
}

function isRefusal(error: unknown, code: string): boolean {
  return error instanceof MlflowRefusal && error.apiCode === code;
}

function understood<T>(schema: z.ZodType<T>, answer: unknown, where: string): T {
  const result = schema.safeParse(answer);
  if (result.success) return result.data;
  throw new PipelineError('server-refused', 'The MLflow server answered something unexpected.', {
    where,
    found: JSON.stringify(answer).slice(0, 200),
    expected: "an answer of MLflow's REST API 2.0",
  });
}
