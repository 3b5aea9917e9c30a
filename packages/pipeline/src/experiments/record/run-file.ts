import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileWhole } from '@glisson/imaging/files/whole-files';
import { z } from 'zod';
import { splitSchema } from '../../plan/plan.ts';
import { runKinds, runStates } from './run-record.ts';

export const runFileName = 'run.json';

const hash = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits');

/** What run.json holds. Clocks and paths live here, in log.jsonl and in environment.json only. Others may add fields. */
export const runFileSchema = z.looseObject({
  schema: z.literal('glisson.run/1'),
  kind: z.enum(runKinds),
  /** A label, from hash and start time. */
  id: z.string().min(1),
  command: z.string(),
  started: z.iso.datetime(),
  ended: z.iso.datetime().nullable(),
  state: z.enum(runStates),
  error: z.string().nullable(),
  /** Wall-clock and processor seconds, all sessions of a resumed run together. */
  seconds: z.number().min(0).nullable(),
  coreSeconds: z.number().min(0).nullable(),
  /** Of the working directory, when it is in a repository. */
  gitCommit: z.string().nullable(),
  environment: z.record(z.string(), z.union([z.string(), z.number()])),
  /** Of plan.json as it stands: thresholds are chosen at the end. */
  planHash: hash.nullable(),
  dataHash: hash.nullable(),
  /** Of the folds that the split was taken from. */
  foldsHash: z.string().nullable(),
  /** Layout of the training data: `glisson-phantom` is synthetic. */
  layout: z.string().optional(),
  /** Case to SHA-256 over its files. */
  files: z.record(z.string(), z.string()),
  weights: z
    .object({ origin: z.string(), file: z.string().nullable(), sha256: z.string().nullable() })
    .nullable(),
  sweep: z.object({ id: z.string(), trial: z.int().min(0) }).nullable(),
  /** Of `evaluate`: whose predictions were scored, and how that run divided its patients. */
  evaluates: z
    .object({
      run: z.string().nullable(),
      model: z.string().nullable(),
      plan: z.string().nullable(),
      split: splitSchema.nullable(),
    })
    .nullish(),
  /** Patients that chose anything beside those that the plan validates on. */
  choosers: z.array(z.string()).optional(),
  /** The files as they were when the run ended: what differs from this was edited. */
  contents: z.record(z.string(), z.object({ bytes: z.int().min(0), sha256: hash })).optional(),
});

export type RunFile = z.infer<typeof runFileSchema>;

/** Writes run.json whole or not at all. @throws ImagingError `not-writable` */
export async function writeRunFile(folder: string, file: RunFile): Promise<void> {
  await writeFileWhole(join(folder, runFileName), `${JSON.stringify(file, null, 2)}\n`);
}

/** Reads run.json; undefined when there is none. Throws an Error that says in words what is wrong with it. */
export async function readRunFile(folder: string): Promise<RunFile | undefined> {
  let text: string;
  try {
    text = await readFile(join(folder, runFileName), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Error(`run.json cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Error(text.trim() === '' ? 'run.json is empty' : 'run.json is no JSON');
  }
  const result = runFileSchema.safeParse(json);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const field = issue?.path.map(String).join('.') ?? '';
  throw new Error(`run.json has a fault${field && ` in ${field}`}: ${issue?.message ?? 'unknown'}`);
}
