import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { Finding } from '@glisson/imaging/volume/scan';
import { PipelineError } from '../../errors/pipeline-error.ts';
import type { AnyPlan } from '../../plan/any-plan.ts';
import { foreignPlanKind } from '../../plan/foreign-plan.ts';
import { planHash } from '../../plan/plan-text.ts';
import { parsePlan } from '../../plan/read-plan.ts';
import { runPaths } from '../../train/run-folder.ts';
import { isLocked } from '../../train/run-lock.ts';
import { findEdits } from './find-edits.ts';
import { planValues } from './plan-values.ts';
import { casesOf, type EvaluationFile, parseEvaluation } from './read-cases.ts';
import { type JsonLines, readJsonLines } from './read-lines.ts';
import { type RunFile, readRunFile } from './run-file.ts';
import { noResults, type RunKind, type RunRecord, type RunResults, type RunState } from './run-record.ts';
import { meanOfCases, scoreOf, testResults } from './summarise-cases.ts';

export interface ReadRunOptions {
  /** Also hash files of more than 8 MB (of these only the size is compared otherwise). */
  readonly thorough?: boolean;
}

/** What was found in a folder, piece by piece, before it is judged. */
interface Pieces {
  readonly folder: string;
  readonly file: RunFile | undefined;
  /** plan.json as JSON, whatever is in it. */
  readonly planJson: unknown;
  readonly plan: AnyPlan | undefined;
  readonly evaluation: EvaluationFile | undefined;
  readonly metrics: JsonLines | undefined;
  readonly log: JsonLines | undefined;
  readonly environment: Record<string, string | number>;
  /** What could not be read, in words. */
  readonly problems: string[];
}

/**
 * Reads a run, also one that was made before there was a run.json. What was edited, is half-written or cannot be read
 * makes it `damaged`, with the reason; what could be read is in the record all the same. Nothing is written.
 * Scores that `evaluate` gave its model are not in it: see `attachEvaluations`.
 * @throws PipelineError `run-invalid` when the folder is no run at all
 */
export async function readRun(folder: string, options: ReadRunOptions = {}): Promise<RunRecord> {
  const root = resolve(folder);
  if (!existsSync(join(root, 'run.json')) && !existsSync(join(root, 'plan.json'))) {
    throw new PipelineError('run-invalid', 'This is no run.', {
      where: folder,
      found: existsSync(root) ? 'neither run.json nor plan.json' : 'no such folder',
      expected: 'a folder that train, evaluate or sweep wrote',
      advice: 'glisson runs list says which runs there are.',
    });
  }
  const pieces = await readPieces(root);
  if (
    pieces.file === undefined &&
    (pieces.planJson as { kind?: unknown } | undefined)?.kind === foreignPlanKind
  ) {
    throw new PipelineError('run-invalid', 'This is no run.', {
      where: folder,
      found: 'the plan of a foreign network',
      expected: 'a folder that train, evaluate or sweep wrote',
    });
  }
  const kind = kindOf(pieces);
  const { state, findings } = await stateOf(pieces, kind);
  const problems = [...pieces.problems];
  if (problems.length === 0) problems.push(...missingPieces(pieces, kind, state));
  if (problems.length === 0) {
    const { file, plan, planJson } = pieces;
    problems.push(...(await findEdits({ folder: root, file, plan, planJson, state }, options)));
  }
  return assemble(pieces, kind, state, problems, findings);
}

async function readPieces(folder: string): Promise<Pieces> {
  const problems: string[] = [];
  const paths = runPaths(folder);
  const attempt = async <T>(read: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await read();
    } catch (error) {
      problems.push(reasonOf(error));
      return undefined;
    }
  };
  const file = await attempt(() => readRunFile(folder));
  const planJson = await attempt(() => readJson(paths.plan));
  const plan = planJson === undefined ? undefined : await attempt(async () => parsePlan(planJson));
  const evaluation = await attempt(async () => {
    const text = await readText(paths.evaluation);
    return text === undefined ? undefined : parseEvaluation(text);
  });
  const metrics = await attempt(() => readJsonLines(paths.metrics));
  const log = await attempt(() => readJsonLines(paths.log));
  const environment = (await attempt(() => readJson(paths.environment))) as Pieces['environment'] | undefined;
  return { folder, file, planJson, plan, evaluation, metrics, log, environment: environment ?? {}, problems };
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new Error(`${basename(path)} cannot be read (${code})`);
  }
}

async function readJson(path: string): Promise<unknown> {
  const text = await readText(path);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`${basename(path)} is ${text.trim() === '' ? 'empty' : 'no JSON'}`);
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof PipelineError) {
    const { found } = error.explanation;
    return `plan.json: ${error.message.split('. ')[0]!.replace(/\.$/, '')}${found ? ` (${found})` : ''}`;
  }
  return (error as Error).message;
}

function kindOf({ file, folder, planJson, evaluation }: Pieces): RunKind {
  if (file !== undefined) return file.kind;
  if (existsSync(join(folder, 'sweep.json'))) return 'sweep';
  return planJson === undefined && evaluation?.kind === 'evaluation' ? 'evaluate' : 'train';
}

/** The state by run.json and the lock; of older runs by their log. */
async function stateOf(
  { folder, file, log }: Pieces,
  kind: RunKind,
): Promise<{ state: RunState; findings: Finding[] }> {
  const isAlive = await isLocked(runPaths(folder).lock);
  if (file !== undefined) {
    if (file.state !== 'running') return { state: isAlive ? 'running' : file.state, findings: [] };
    if (isAlive) return { state: 'running', findings: [] };
    const advice =
      kind === 'evaluate' ? 'Run it again.' : `glisson ${kind} --resume goes on from what it had written.`;
    return {
      state: 'stopped',
      findings: [
        { severity: 'warning', code: 'run-killed', message: `Its process ended without a word. ${advice}` },
      ],
    };
  }
  if (isAlive) return { state: 'running', findings: [] };
  return { state: log?.lines.at(-1)?.event === 'finished' ? 'finished' : 'stopped', findings: [] };
}

/** What a run of its kind and state must have and has not. */
function missingPieces(
  { folder, planJson, evaluation, metrics, file }: Pieces,
  kind: RunKind,
  state: RunState,
): string[] {
  const missing: string[] = [];
  const needed = (name: string, isThere: boolean) => {
    if (!isThere) missing.push(`${name} is missing`);
  };
  if (kind === 'train') {
    const isFinished = state === 'finished';
    needed('plan.json', planJson !== undefined || state === 'failed' || (file !== undefined && !isFinished));
    if (isFinished) {
      needed('metrics.jsonl', metrics !== undefined);
      needed('evaluation.json', evaluation !== undefined);
      needed('model.onnx', existsSync(runPaths(folder).model));
      if (metrics?.brokenLine != null) missing.push(`metrics.jsonl breaks off in line ${metrics.brokenLine}`);
    }
  }
  if (kind === 'evaluate' && state === 'finished') needed('evaluation.json', evaluation !== undefined);
  if (kind === 'sweep') needed('sweep.json', existsSync(join(folder, 'sweep.json')) || state === 'failed');
  return missing;
}

function assemble(
  pieces: Pieces,
  kind: RunKind,
  state: RunState,
  problems: readonly string[],
  findings: readonly Finding[],
): RunRecord {
  const { folder, file, planJson, plan, evaluation, log } = pieces;
  const lines = log?.lines ?? [];
  const events = (name: string) => lines.filter(({ event }) => event === name);
  const split = plan?.split ?? file?.evaluates?.split ?? null;
  const cases = evaluation === undefined ? [] : casesOf(evaluation, split);
  const training = (planJson as { training?: { seed?: unknown } } | undefined)?.training;
  const recipe = (planJson as { recipe?: unknown } | undefined)?.recipe;
  const environment = file?.environment ?? pieces.environment;
  const started = file?.started ?? textOf(events('started')[0]?.time) ?? textOf(environment.started);
  const patientsOf = (ids: readonly string[]) => ids.map((id) => split?.patients[id] ?? id);
  const own = plan === undefined ? [] : patientsOf(plan.split.validation);
  const wasWatched = pieces.metrics?.lines.some(({ kind }) => kind === 'watched') ?? false;
  const hash = plan === undefined ? null : planHash(plan);
  return {
    id: file?.id ?? basename(folder),
    folder,
    kind,
    state: problems.length > 0 ? 'damaged' : state,
    ...(problems.length > 0 && { damage: problems.join('; ') }),
    error: file?.error ?? null,
    command: file?.command ?? null,
    recipe: typeof recipe === 'string' ? recipe : null,
    seed: typeof training?.seed === 'number' ? training.seed : null,
    started: started ?? null,
    ended: file?.ended ?? (state === 'finished' ? (textOf(lines.at(-1)?.time) ?? null) : null),
    seconds: file?.seconds ?? numberOf(events('finished').at(-1)?.seconds),
    coreSeconds: file?.coreSeconds ?? null,
    gitCommit: file?.gitCommit ?? null,
    environment,
    planHash: hash ?? file?.planHash ?? null,
    modelHash: file?.contents?.['model.onnx']?.sha256 ?? null,
    dataHash: plan?.fingerprint.dataHash ?? file?.dataHash ?? null,
    foldsHash: file?.foldsHash ?? null,
    files: file?.files ?? {},
    weights: file?.weights ?? weightsOf(plan),
    sweep: file?.sweep ?? null,
    evaluates: file?.evaluates ?? null,
    split,
    fields: planValues(planJson ?? {}),
    results: {
      ...noResults,
      ...trainingResults(pieces),
      ...testResults(cases),
      ...evaluated(evaluation, cases),
    },
    cases,
    choosers: [...new Set([...own, ...(file?.choosers ?? [])])],
    watched: wasWatched && split !== null ? [...new Set(patientsOf(split.test))] : [],
    findings: [...findingsOf(events('finding')), ...findings],
  };
}

/** From the lines of metrics, and from the scores on all slices where the run has finished. */
function trainingResults({ metrics, evaluation }: Pieces): Partial<RunResults> {
  const lines = metrics?.lines ?? [];
  const epochs = lines.filter(({ kind }) => kind === 'epoch');
  const best = epochs.findLast((line) => line.best === true);
  const sampled = best !== undefined && {
    validationLiverDice: numberOf(best.liverDice),
    validationLesionDice: numberOf(best.lesionDice),
    validationSlices: 'sampled' as const,
  };
  const all = evaluation?.kind === 'validation' && {
    validationLiverDice: evaluation.liverDice,
    validationLesionDice: evaluation.lesionDice,
    validationSlices: 'all' as const,
  };
  const scores = { ...sampled, ...all };
  return {
    steps: numberOf(lines.at(-1)?.step),
    epochs: numberOf(epochs.at(-1)?.epoch),
    bestEpoch: numberOf(best?.epoch),
    bestStep: numberOf(best?.step),
    ...scores,
    validationScore: scoreOf(scores.validationLiverDice ?? null, scores.validationLesionDice ?? null),
  };
}

function evaluated(evaluation: EvaluationFile | undefined, cases: RunRecord['cases']): Partial<RunResults> {
  if (evaluation?.kind !== 'evaluation') return {};
  return {
    evaluatedLiverDice: meanOfCases(cases, 'liverDice'),
    evaluatedLesionDice: meanOfCases(cases, 'lesionDice'),
    evaluatedCases: cases.length,
  };
}

/** Of a run without run.json: the file that its plan names, or drawn weights. */
function weightsOf(plan: AnyPlan | undefined): RunRecord['weights'] {
  if (plan === undefined) return null;
  const transfer = 'transfer' in plan.training ? plan.training.transfer : undefined;
  if (!transfer?.weights) return { origin: 'random', file: null, sha256: null };
  return { origin: basename(transfer.weights), file: transfer.weights, sha256: transfer.sha256 };
}

function findingsOf(events: readonly Readonly<Record<string, unknown>>[]): Finding[] {
  return events.flatMap(({ severity, code, message, where }) =>
    typeof code === 'string' && typeof message === 'string'
      ? [
          {
            severity: severity === 'error' || severity === 'info' ? severity : 'warning',
            code,
            message,
            ...(typeof where === 'string' && { where }),
          } satisfies Finding,
        ]
      : [],
  );
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
