import type { CaseScores } from './evaluate-case.ts';
import { addCounts, dice, intersectionOverUnion } from './overlap.ts';

export interface ScoredCase extends CaseScores {
  readonly id: string;
}

/** Scores of one region over all cases. */
export interface RegionSummary {
  /** Mean over cases: each case counts the same. */
  readonly meanDice: number;
  readonly meanIou: number;
  /** Over all voxels of all cases together: large lesions dominate. */
  readonly globalDice: number;
  readonly globalIou: number;
}

export interface EvaluationSummary {
  readonly liver: RegionSummary;
  readonly lesion: RegionSummary;
}

/** Means over cases and global scores; `null` without cases, since a mean of nothing has no value. */
export function summarise(cases: readonly ScoredCase[]): EvaluationSummary | null {
  if (cases.length === 0) return null;
  const region = (name: 'liver' | 'lesion'): RegionSummary => {
    const scores = cases.map((c) => c[name]);
    const total = addCounts(scores.map((s) => s.counts));
    const mean = (values: readonly number[]) => values.reduce((sum, v) => sum + v, 0) / values.length;
    return {
      meanDice: mean(scores.map((s) => s.dice)),
      meanIou: mean(scores.map((s) => s.iou)),
      globalDice: dice(total),
      globalIou: intersectionOverUnion(total),
    };
  };
  return { liver: region('liver'), lesion: region('lesion') };
}
