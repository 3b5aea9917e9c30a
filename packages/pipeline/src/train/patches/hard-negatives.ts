import type { TaskControl } from '@glisson/imaging/progress/progress';
import { createRandom, shuffle } from '@glisson/imaging/random/seeded-random';
import type { PatchPlan } from '../../plan/patch-plan.ts';
import { lesionSlice } from '../../predict/patches/lesion-slice.ts';
import type { WindowScorer } from '../../predict/patches/window-scorer.ts';
import { lesionValue } from '../label-values.ts';
import type { PatchCase } from './patch-case.ts';

/** A pixel without lesion that a model took for one. */
export interface HardNegative {
  /** Among the training cases. */
  readonly caseIndex: number;
  readonly slice: number;
  /** [x, y] on the case's crop. */
  readonly pixel: readonly [number, number];
}

/**
 * Looks for false positives of a model in training slices drawn for this epoch, as many of each case as of the others.
 * @returns at most the plan's number of each patient, drawn from all
 */
export async function mineHardNegatives(
  cases: readonly PatchCase[],
  plan: Pick<PatchPlan, 'training' | 'inference' | 'preprocess'>,
  scorer: WindowScorer,
  epoch: number,
  control: TaskControl,
): Promise<HardNegative[]> {
  const { hardNegatives, stride, seed } = plan.training;
  const drawn = drawSlices(cases, hardNegatives.slices, seed, epoch);
  const byPatient = new Map<string, HardNegative[]>();
  for (const { caseIndex, slice } of drawn) {
    control.signal?.throwIfAborted();
    const { scan, prepared, labels } = cases[caseIndex]!;
    const probabilities = await lesionSlice(scan, slice, plan, scorer);
    const truth = labels(slice);
    const { crop, geometry } = scan;
    const list = byPatient.get(prepared.patient) ?? [];
    for (let y = 0; y < crop.height; y += stride) {
      for (let x = 0; x < crop.width; x += stride) {
        const p = probabilities[(crop.y + y) * geometry.size[0] + crop.x + x]!;
        if (p < hardNegatives.threshold || p === 0 || truth[y * crop.width + x] === lesionValue) continue;
        list.push({ caseIndex, slice, pixel: [x, y] });
      }
    }
    byPatient.set(prepared.patient, list);
  }
  return [...byPatient].flatMap(([patient, list]) =>
    shuffle(list, createRandom(seed, 'mine', epoch, patient)).slice(0, hardNegatives.perPatient),
  );
}

/** Slices of cases in turn, each drawn once. */
function drawSlices(cases: readonly PatchCase[], count: number, seed: number, epoch: number) {
  const decks = cases.map(({ slices }, c) => shuffle([...slices], createRandom(seed, 'mine', epoch, c)));
  const drawn: { caseIndex: number; slice: number }[] = [];
  for (let round = 0; drawn.length < count; round++) {
    const before = drawn.length;
    for (const [caseIndex, deck] of decks.entries()) {
      const slice = deck[round];
      if (slice !== undefined && drawn.length < count) drawn.push({ caseIndex, slice });
    }
    if (drawn.length === before) break;
  }
  return drawn;
}

/** As numbers, four for each, for checkpoints. */
export function hardToNumbers(hard: readonly HardNegative[]): number[] {
  return hard.flatMap(({ caseIndex, slice, pixel }) => [caseIndex, slice, ...pixel]);
}

export function hardOfNumbers(numbers: readonly number[]): HardNegative[] {
  return Array.from({ length: numbers.length / 4 }, (_, n) => {
    const [caseIndex, slice, x, y] = numbers.slice(4 * n, 4 * n + 4) as [number, number, number, number];
    return { caseIndex, slice, pixel: [x, y] };
  });
}
