import type { TaskControl } from '@glisson/imaging/progress/progress';
import type { PatchScan } from '../../patches/patch-scan.ts';
import type { PatchPlan } from '../../plan/patch-plan.ts';
import { cleanPatchLabels } from '../../postprocess/clean-patch-labels.ts';
import { lesionSlice } from '../../predict/patches/lesion-slice.ts';
import type { WindowScorer } from '../../predict/patches/window-scorer.ts';
import type { PreparedCase } from '../../preprocess/prepared-case.ts';
import { lesionValue } from '../label-values.ts';
import { addProbability, createLossSums, type LossSums } from '../loss-sums.ts';
import { createCounts, type ProbabilityCounts, probabilityBin, thresholdGrid } from '../score-slices.ts';

/** A validation case. */
export interface ScoredCase {
  readonly prepared: PreparedCase;
  readonly scan: PatchScan;
  /** Slices that are there to be scored. */
  readonly slices: readonly number[];
}

/**
 * Thresholds that may be chosen. Training shows far more lesion than there is, so that probabilities are too high by far and
 * the best threshold lies often near 1.
 */
export const patchThresholds: readonly number[] = [
  ...thresholdGrid,
  0.96,
  0.97,
  0.98,
  0.985,
  0.99,
  0.995,
  0.998,
];

/**
 * Counts the lesion probabilities of slices by what is true, pixel by pixel of whole slices, as `segment` gives them, and sums
 * up what the loss of them needs (classes: other, lesion).
 * @param slices for each case
 */
export async function countLesionProbabilities(
  scorer: WindowScorer,
  cases: readonly ScoredCase[],
  slices: readonly (readonly number[])[],
  plan: Pick<PatchPlan, 'preprocess' | 'training' | 'inference'>,
  control: TaskControl,
): Promise<{ counts: ProbabilityCounts[]; losses: LossSums[] }> {
  const total = slices.reduce((sum, list) => sum + list.length, 0);
  let done = 0;
  const results: ProbabilityCounts[] = [];
  const losses: LossSums[] = [];
  for (const [c, { prepared, scan }] of cases.entries()) {
    const counts = createCounts();
    const loss = createLossSums(2);
    for (const k of slices[c]!) {
      control.signal?.throwIfAborted();
      const probabilities = await lesionSlice(scan, k, plan, scorer);
      const labels = prepared.labels(k);
      for (let i = 0; i < labels.length; i++) {
        const side = labels[i] === lesionValue ? counts.inside : counts.outside;
        side[probabilityBin(probabilities[i]!)]!++;
        // What lies outside mask and crop was not judged.
        if (probabilities[i] === 0) continue;
        const isLesion = labels[i] === lesionValue ? 1 : 0;
        addProbability(loss, 0, 1 - probabilities[i]!, isLesion);
        addProbability(loss, 1, probabilities[i]!, isLesion);
      }
      control.onProgress?.({ stage: 'validate', done: ++done, total, unit: 'slices', note: prepared.id });
    }
    results.push(counts);
    losses.push(loss);
  }
  return { counts: results, losses };
}

/**
 * Lesion Dice of a case at each threshold, over all its slices, by the rules that `segment` applies to its labels: small
 * lesions go, and those outside a known liver. Null when it has no lesion.
 */
export async function diceByThreshold(
  scorer: WindowScorer,
  { prepared, scan, slices }: ScoredCase,
  thresholds: readonly number[],
  plan: Pick<PatchPlan, 'preprocess' | 'training' | 'inference' | 'postprocess'>,
  control: TaskControl,
): Promise<number[] | null> {
  const { geometry } = prepared;
  const area = geometry.size[0] * geometry.size[1];
  const bins = new Uint16Array(area * slices.length);
  const truth = new Uint8Array(area * slices.length);
  for (const [n, k] of slices.entries()) {
    control.signal?.throwIfAborted();
    const probabilities = await lesionSlice(scan, k, plan, scorer);
    for (let i = 0; i < area; i++) bins[n * area + i] = probabilityBin(probabilities[i]!);
    truth.set(prepared.labels(k), n * area);
    control.onProgress?.({
      stage: 'choose thresholds',
      done: n + 1,
      total: slices.length,
      unit: 'slices',
      note: prepared.id,
    });
  }
  const reference = truth.reduce((sum, label) => sum + (label === lesionValue ? 1 : 0), 0);
  if (reference === 0) return null;
  const liver = plan.inference.mask === 'liver' ? truth : undefined;
  const scored = { ...geometry, size: [geometry.size[0], geometry.size[1], slices.length] as const };
  return thresholds.map((threshold) => {
    control.signal?.throwIfAborted();
    const from = Math.max(1, probabilityBin(threshold));
    const labels = new Uint8Array(bins.length);
    for (let i = 0; i < bins.length; i++) if (bins[i]! >= from) labels[i] = lesionValue;
    cleanPatchLabels(labels, scored, plan.postprocess, liver);
    let predicted = 0;
    let hits = 0;
    for (let i = 0; i < labels.length; i++) {
      if (labels[i] !== lesionValue) continue;
      predicted++;
      if (truth[i] === lesionValue) hits++;
    }
    return (2 * hits) / (reference + predicted);
  });
}
