import type { Decision, EndedTrial, TrialState } from '../decisions.ts';
import type { Point, Setting } from '../space/dimension.ts';
import { recipeOf, settingsByField } from '../space/space.ts';
import type { Objective } from '../spec/spec-schema.ts';
import { type SweepSpec, spaceOf } from '../spec/sweep-spec.ts';
import type { TrialFault } from '../trials/messages.ts';

/** A trial in the table. */
export interface RankedTrial {
  /** From 1; null where there is nothing to rank by. */
  readonly rank: number | null;
  readonly trial: number;
  /** As the sweep names it. */
  readonly recipe: string;
  /** Where its first weights came from. */
  readonly weights: string;
  readonly state: TrialState;
  /** What the sweep maximises, of the trial's model on the validation patients. */
  readonly objective: number | null;
  readonly liverDice: number | null;
  readonly lesionDice: number | null;
  readonly bestEpoch: number | null;
  readonly steps: number | null;
  /** What was varied, by field; fields that did not vary in this trial are absent. */
  readonly settings: Readonly<Record<string, Setting>>;
  readonly planHash: string | null;
  readonly error?: TrialFault;
}

/** A prediction that takes no training. */
export interface Baseline {
  readonly name: string;
  readonly lesionDice: number | null;
  readonly liverDice: number | null;
}

/** Names of `Objective` for people. */
export const objectiveNames: Readonly<Record<Objective, string>> = {
  lesionDice: 'lesion Dice',
  liverDice: 'liver Dice',
  score: 'mean Dice',
};

/**
 * Trials by their objective on the validation patients, best first; of equals the earlier one. Failed trials come last, without a
 * rank. Test patients play no part.
 * @param weightsOf where the first weights of a trial come from, in words
 */
export function rankTrials(
  spec: SweepSpec,
  decisions: readonly Decision[],
  weightsOf: (point: Point) => string,
): RankedTrial[] {
  const space = spaceOf(spec);
  const points = new Map(
    decisions.flatMap((line) => (line.kind === 'trial' ? [[line.trial, line.point] as const] : [])),
  );
  const ended = decisions.filter((line): line is EndedTrial => line.kind === 'ended');
  const sorted = [...ended].sort(
    (a, b) => (b.objective ?? -Infinity) - (a.objective ?? -Infinity) || a.trial - b.trial,
  );
  return sorted.map(({ kind: _, ...result }, i) => {
    const point = points.get(result.trial)!;
    return {
      rank: result.objective === null ? null : i + 1,
      trial: result.trial,
      recipe: recipeOf(space, point),
      weights: weightsOf(point),
      state: result.state,
      objective: result.objective,
      liverDice: result.liverDice,
      lesionDice: result.lesionDice,
      bestEpoch: result.bestEpoch,
      steps: result.steps,
      settings: settingsByField(space, point),
      planHash: result.planHash,
      ...(result.error !== undefined && { error: result.error }),
    };
  });
}
