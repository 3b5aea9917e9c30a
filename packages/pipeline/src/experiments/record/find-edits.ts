import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { hashFile } from '../../fingerprint/hash-files.ts';
import type { AnyPlan } from '../../plan/any-plan.ts';
import { canonicalJson, planHash } from '../../plan/plan-text.ts';
import { readEmbeddedPlan } from './embedded-plan.ts';
import type { RunFile } from './run-file.ts';
import type { RunState } from './run-record.ts';

/** Files up to this are hashed whenever a run is read. */
const mostHashedBytes = 8 * 2 ** 20;

interface Suspect {
  readonly folder: string;
  readonly file: RunFile | undefined;
  readonly plan: AnyPlan | undefined;
  readonly planJson: unknown;
  readonly state: RunState;
}

/**
 * What differs in a run from what was written, in words: plan and files by the hashes in run.json; where there is none,
 * the plan by the one inside the model.
 */
export async function findEdits(suspect: Suspect, { thorough = false }): Promise<string[]> {
  const { folder, file, plan, state } = suspect;
  const edits: string[] = [];
  if (plan !== undefined && !(await isPlanAsWritten(suspect))) {
    edits.push('plan.json was edited after it was written: its hash is not that of the run');
  }
  if (file?.contents === undefined || state === 'running') return edits;
  for (const [name, { bytes, sha256 }] of Object.entries(file.contents)) {
    if (name === 'plan.json' && edits.length > 0) continue;
    const path = join(folder, name);
    const info = await stat(path).catch(() => undefined);
    if (info === undefined) edits.push(`${name} is missing`);
    else if (info.size !== bytes) edits.push(`${name} has ${info.size} bytes, ${bytes} were written`);
    else if (
      bytes <= mostHashedBytes
        ? (await hashSmall(path)) !== sha256
        : thorough && (await hashFile(path)) !== sha256
    ) {
      edits.push(`${name} was changed after it was written`);
    }
  }
  return edits;
}

/** At once: a stream for each of many small files takes longer than reading them. */
async function hashSmall(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}

async function isPlanAsWritten({ folder, file, plan, planJson, state }: Suspect): Promise<boolean> {
  const known = file?.planHash;
  if (known === planHash(plan!)) return true;
  if (known == null && file !== undefined) return true;
  if (state === 'running') return true;
  // No run.json, or a kill between the plan's last writing and that of run.json: the model has the plan, too.
  const model = join(folder, 'model.onnx');
  if (!existsSync(model)) return known == null;
  const embedded = await readEmbeddedPlan(model);
  if (embedded === undefined) return known == null;
  try {
    return canonicalJson(JSON.parse(embedded)) === canonicalJson(planJson);
  } catch {
    return false;
  }
}
