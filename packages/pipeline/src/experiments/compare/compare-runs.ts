import { createRandom } from '@glisson/imaging/random/seeded-random';
import { caseIdOf } from '../../evaluate/match-cases.ts';
import type { CaseRecord, CaseSide, RunRecord } from '../record/run-record.ts';
import { type BootstrapInterval, bootstrapMean } from './bootstrap.ts';
import { diffPlans, type PlanDifference } from './diff-plans.ts';

/** With fewer patients an interval would say nothing. */
export const fewestPatients = 5;

const measures = ['lesionDice', 'liverDice', 'lesionIoU', 'liverIoU'] as const;
export type Measure = (typeof measures)[number];

/** How much better a run is than the first one, on the cases that both were scored on. */
export interface PairedDifference {
  /** Absolute folder of the run that is compared with the first. */
  readonly run: string;
  readonly side: CaseSide;
  readonly grid: CaseRecord['grid'];
  readonly measure: Measure;
  readonly patients: number;
  readonly cases: number;
  /** Means over these cases. */
  readonly first: number;
  readonly other: number;
  /** Other less first. */
  readonly difference: number;
  /** 95 % interval of the difference; null with fewer than `fewestPatients` patients. */
  readonly interval: Pick<BootstrapInterval, 'low' | 'high'> | null;
}

/** Cases that only one of two runs was scored on, or that have one name and other files. */
export interface UnpairedCases {
  readonly run: string;
  readonly side: CaseSide;
  readonly grid: CaseRecord['grid'];
  readonly onlyFirst: readonly string[];
  readonly onlyOther: readonly string[];
  readonly otherFiles: readonly string[];
}

export interface RunComparison {
  readonly runs: readonly string[];
  readonly plan: readonly PlanDifference[];
  readonly differences: readonly PairedDifference[];
  readonly unpaired: readonly UnpairedCases[];
  readonly resamples: number;
  readonly seed: number;
}

const resamples = 10_000;

/**
 * Compares runs with the first of them: in which fields their plans differ, and how their scores differ on the same cases, side
 * by side. Intervals are of a bootstrap that draws patients.
 * @param runs with the scores of evaluations attached
 * @param seed of the bootstrap
 */
export function compareRuns(runs: readonly RunRecord[], seed = 1): RunComparison {
  const [first, ...others] = runs;
  const differences: PairedDifference[] = [];
  const unpaired: UnpairedCases[] = [];
  for (const other of others) {
    for (const side of ['validation', 'test', 'train', 'unknown'] as const) {
      for (const grid of ['prepared', 'scan'] as const) {
        const chosen = (run: RunRecord) =>
          new Map(
            run.cases
              .filter((c) => c.side === side && c.grid === grid)
              .map((c) => [caseIdOf(c.case), c] as const),
          );
        const [a, b] = [chosen(first!), chosen(other)];
        if (a.size === 0 && b.size === 0) continue;
        const common = [...a.keys()].filter((id) => b.has(id));
        const strangers = common.filter((id) => !mayBeSame(first!, a.get(id)!, other, b.get(id)!));
        const pairs = common
          .filter((id) => !strangers.includes(id))
          .map((id) => [a.get(id)!, b.get(id)!] as const);
        const only = (from: ReadonlyMap<string, unknown>, not: ReadonlyMap<string, unknown>) =>
          [...from.keys()].filter((id) => !not.has(id));
        const lost = { onlyFirst: only(a, b), onlyOther: only(b, a), otherFiles: strangers };
        if (Object.values(lost).some((list) => list.length > 0)) {
          unpaired.push({ run: other.folder, side, grid, ...lost });
        }
        for (const measure of measures) {
          const found = difference(pairs, measure, seed);
          if (found !== undefined) differences.push({ run: other.folder, side, grid, measure, ...found });
        }
      }
    }
  }
  return {
    runs: runs.map(({ folder }) => folder),
    plan: diffPlans(runs),
    differences,
    unpaired,
    resamples,
    seed,
  };
}

function difference(pairs: readonly (readonly [CaseRecord, CaseRecord])[], measure: Measure, seed: number) {
  const scored = pairs.flatMap(([a, b]) => {
    const [first, other] = [a[measure], b[measure]];
    return first === null || other === null ? [] : [{ patient: a.patient, first, other }];
  });
  if (scored.length === 0) return undefined;
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const groups = new Map<string, number[]>();
  for (const { patient, first, other } of scored)
    groups.set(patient, [...(groups.get(patient) ?? []), other - first]);
  const differences = [...groups.values()];
  const first = mean(scored.map((one) => one.first));
  const other = mean(scored.map((one) => one.other));
  const interval =
    groups.size < fewestPatients
      ? null
      : bootstrapMean(differences, createRandom(seed, 'bootstrap', measure), { resamples });
  return {
    patients: groups.size,
    cases: scored.length,
    first,
    other,
    difference: mean(differences.flat()),
    interval: interval && { low: interval.low, high: interval.high },
  };
}

/** Whether two cases of one name have the same files, as far as both runs know. */
function mayBeSame(runA: RunRecord, a: CaseRecord, runB: RunRecord, b: CaseRecord): boolean {
  const hash = (run: RunRecord, name: string) =>
    run.files[`${name} reference`] ??
    Object.entries(run.files).find(([id]) => caseIdOf(id) === caseIdOf(name))?.[1];
  const [left, right] = [hash(runA, a.case), hash(runB, b.case)];
  // A training hashes scan and labels together, an evaluation each by itself.
  return left === undefined || right === undefined || runA.kind !== runB.kind || left === right;
}
