import type { Objective } from '../spec/spec-schema.ts';
import type { Importance } from './importance.ts';
import type { Baseline, RankedTrial } from './ranking.ts';
import type { WinnerTest } from './score-winner.ts';

/** ranking.json: what came of a sweep. No times and paths: the same sweep writes the same file. */
export interface SweepResult {
  readonly schema: 'glisson.ranking/1';
  readonly sweep: string;
  readonly objective: Objective;
  /** All choices were made on these patients: a value here is the best of many, and no estimate for others. */
  readonly chosenOn: readonly string[];
  /** Best first. */
  readonly trials: readonly RankedTrial[];
  /** On the same slices as the trials. */
  readonly baselines: readonly Baseline[];
  readonly importance: Importance | null;
  /** Null when no trial has a value. */
  readonly winner: number | null;
  /** The winner alone, on patients that chose nothing; null without test patients or winner. */
  readonly test: WinnerTest | null;
}
