import { existsSync } from 'node:fs';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { PipelineError } from '../../errors/pipeline-error.ts';
import type { Point } from './space/dimension.ts';
import type { TrialFault } from './trials/messages.ts';

/** A trial is begun: what it tries, how that was found, and the ended trials that were known then. */
export interface BegunTrial {
  readonly kind: 'trial';
  readonly trial: number;
  readonly point: Point;
  readonly by: string;
  readonly known: readonly number[];
}

/** An epoch of a trial has ended: whether it goes on, why not, and what was known of the others at that epoch where that decided. */
export interface EndedEpoch {
  readonly kind: 'epoch';
  readonly trial: number;
  readonly epoch: number;
  /** The objective of this epoch, on the validation slices that epochs score. */
  readonly score: number;
  readonly goOn: boolean;
  /** What decided; absent where nothing had to be. */
  readonly by?: 'asha' | 'budget';
  /** Best scores so far of the trials that were there before, by number, where asha decided. */
  readonly others?: Readonly<Record<string, number>>;
}

export type TrialState = 'finished' | 'stopped early' | 'failed';

/** A trial has ended. */
export interface EndedTrial {
  readonly kind: 'ended';
  readonly trial: number;
  readonly state: TrialState;
  /** What the sweep maximises, on all validation slices at the thresholds that were chosen on them; null: failed, or nothing to score. */
  readonly objective: number | null;
  readonly liverDice: number | null;
  readonly lesionDice: number | null;
  readonly bestEpoch: number | null;
  readonly steps: number | null;
  readonly planHash: string | null;
  readonly error?: TrialFault;
}

/** A line of decisions.jsonl. No times: with one worker the same sweep writes the same lines, killed in between or not. */
export type Decision = BegunTrial | EndedEpoch | EndedTrial;

export interface DecisionLog {
  readonly all: readonly Decision[];
  /** Written and synced when it resolves; in order. */
  add(decision: Decision): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens decisions.jsonl. A last line that a killed process left half-written is removed.
 * @throws PipelineError `run-invalid` when another line is damaged
 */
export async function openDecisions(path: string): Promise<DecisionLog> {
  const text = existsSync(path) ? await readFile(path, 'utf8') : '';
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  const all = whole
    .split('\n')
    .filter((line) => line !== '')
    .map((line, i) => parseLine(line, i + 1, path));
  const file = await open(path, 'a');
  if (whole.length < text.length) await file.truncate(Buffer.byteLength(whole));
  let last: Promise<void> = Promise.resolve();
  return {
    all,
    add(decision) {
      const written = last.then(() => append(file, decision));
      last = written.catch(() => {});
      return written.then(() => {
        all.push(decision);
      });
    },
    close: () => file.close(),
  };
}

async function append(file: FileHandle, decision: Decision): Promise<void> {
  await file.appendFile(`${JSON.stringify(decision)}\n`);
  await file.datasync();
}

function parseLine(line: string, number: number, path: string): Decision {
  try {
    const decision = JSON.parse(line) as Decision;
    if (['trial', 'epoch', 'ended'].includes(decision.kind) && decision.trial >= 1) return decision;
  } catch {
    // Told below.
  }
  throw new PipelineError('run-invalid', 'The decisions of the sweep cannot be read.', {
    where: `${path}, line ${number}`,
    found: line.slice(0, 60),
    expected: 'the lines that glisson sweep wrote',
    advice: 'Restore the file, or start the sweep again with --force.',
  });
}
