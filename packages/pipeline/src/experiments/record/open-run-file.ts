import { join } from 'node:path';
import { hashJson } from '../../plan/plan-text.ts';
import { describeContents } from './file-contents.ts';
import { gitCommit } from './git-commit.ts';
import { readJsonLines } from './read-lines.ts';
import { type RunFile, readRunFile, writeRunFile } from './run-file.ts';

/** What is known of a run when it starts. */
export type RunBeginning = Pick<
  RunFile,
  'kind' | 'environment' | 'planHash' | 'dataHash' | 'files' | 'weights'
> &
  Partial<Pick<RunFile, 'foldsHash' | 'sweep' | 'evaluates' | 'choosers' | 'layout'>> & {
    /** The command line, for people; default: the kind. */
    readonly command?: string;
    /** When its work began, as `performance.now()` told; default: now. Processor time is counted from `cpu`. */
    readonly since?: number;
    readonly cpu?: NodeJS.CpuUsage;
    /** Goes on with a run that was stopped: its label, start and times are kept. */
    readonly resume?: boolean;
  };

export interface RunEnding {
  readonly state: 'finished' | 'stopped' | 'failed';
  readonly error?: string;
  /** Files whose sizes and hashes are kept, so that edits show; those that are not there are left out. */
  readonly contents?: readonly string[];
  /** Fields that were not known at the start. */
  readonly changes?: Partial<RunFile>;
}

/** A run.json that says `running` until it is ended. */
export interface OpenRunFile {
  readonly file: RunFile;
  /** Seconds so far, earlier sessions included. */
  usage(): { readonly seconds: number; readonly coreSeconds: number };
  /** Replaces it whole. */
  end(ending: RunEnding): Promise<RunFile>;
}

/**
 * Writes run.json at the start of a run. Seconds and core-seconds are those of this process from `since` and `cpu` on (the
 * engine's threads are counted; other processes are not), added to those of earlier sessions.
 * @throws ImagingError `not-writable`
 */
export async function openRunFile(folder: string, beginning: RunBeginning): Promise<OpenRunFile> {
  const {
    command,
    since = performance.now(),
    cpu = process.cpuUsage(),
    resume = false,
    ...known
  } = beginning;
  const earlier = resume ? await readRunFile(folder).catch(() => undefined) : undefined;
  const started = earlier?.started ?? new Date(Date.now() - (performance.now() - since)).toISOString();
  const before = await usageBefore(folder, earlier);
  const file: RunFile = {
    schema: 'glisson.run/1',
    id: earlier?.id ?? labelOf(known.kind, started, known.planHash),
    command: command ?? `glisson ${known.kind}`,
    started,
    ended: null,
    state: 'running',
    error: null,
    seconds: earlier === undefined ? null : before.seconds,
    coreSeconds: earlier === undefined ? null : before.coreSeconds,
    gitCommit: await gitCommit(process.cwd()),
    foldsHash: null,
    sweep: null,
    ...known,
  };
  await writeRunFile(folder, file);
  const usage = () => {
    const { user, system } = process.cpuUsage(cpu);
    return {
      seconds: hundredths(before.seconds + (performance.now() - since) / 1000),
      coreSeconds: hundredths(before.coreSeconds + (user + system) / 1e6),
    };
  };
  return {
    file,
    usage,
    end: async ({ state, error, contents = [], changes = {} }) => {
      const ended: RunFile = {
        ...file,
        ended: new Date().toISOString(),
        state,
        error: error ?? null,
        ...usage(),
        ...(contents.length > 0 && { contents: await describeContents(folder, contents) }),
        ...changes,
      };
      await writeRunFile(folder, ended);
      return ended;
    },
  };
}

/** `20260131-101500-3fa2c1`: start in UTC, and six digits of the plan's hash (of kind and start, where there is none). */
function labelOf(kind: string, started: string, hash: string | null): string {
  const time = started.slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
  return `${time}-${(hash ?? hashJson([kind, started, process.pid])).slice(0, 6)}`;
}

/** What earlier sessions took: by run.json, or by the log's last word where a session was killed. */
async function usageBefore(folder: string, earlier: RunFile | undefined) {
  const known = { seconds: earlier?.seconds ?? 0, coreSeconds: earlier?.coreSeconds ?? 0 };
  if (earlier?.state !== 'running') return known;
  const log = await readJsonLines(join(folder, 'log.jsonl')).catch(() => undefined);
  const last = log?.lines.findLast(({ coreSeconds }) => typeof coreSeconds === 'number');
  if (last === undefined) return known;
  return { seconds: Number(last.seconds), coreSeconds: Number(last.coreSeconds) };
}

function hundredths(seconds: number): number {
  return Math.round(100 * seconds) / 100;
}
