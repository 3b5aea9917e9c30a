import type { Fingerprint } from '../plan/plan.ts';
import type { CaseSummary } from './case-summary.ts';
import { averageHistograms, percentileHU } from './hu-histogram.ts';

type Range = [number, number];

function rangeOf(values: readonly number[]): Range {
  return [Math.min(...values), Math.max(...values)];
}

function perAxis(cases: readonly CaseSummary[], value: (c: CaseSummary, axis: 0 | 1 | 2) => number) {
  const axis = (a: 0 | 1 | 2) => rangeOf(cases.map((c) => value(c, a)));
  return [axis(0), axis(1), axis(2)] satisfies [Range, Range, Range];
}

function percentiles(histograms: readonly Float64Array[]): [number, number, number] | null {
  const average = averageHistograms(histograms);
  const [low, middle, high] = [0.5, 50, 99.5].map((percent) => percentileHU(average, percent));
  return low == null || middle == null || high == null ? null : [low, middle, high];
}

/** Length of each axis in mm, voxel edges included. */
export function fieldOfViewMm(c: Pick<CaseSummary, 'size' | 'spacingMm'>, axis: 0 | 1 | 2): number {
  return c.size[axis] * c.spacingMm[axis];
}

/**
 * What the training cases look like, for the plan: axes in LPS order; percentiles weigh each case the same.
 * @param cases the training cases only: validation and test must not leave traces in a plan
 * @param dataHash SHA-256 over the files of all cases
 */
export function createFingerprint(cases: readonly CaseSummary[], dataHash: string): Fingerprint {
  const withLiver = cases.filter((c) => c.liverVoxels > 0);
  const lesionVoxels = cases.reduce((sum, c) => sum + c.lesionVoxels, 0);
  const voxels = cases.reduce((sum, c) => sum + c.size[0] * c.size[1] * c.size[2], 0);
  return {
    cases: cases.length,
    patients: new Set(cases.map((c) => c.patient)).size,
    spacingMm: perAxis(cases, (c, axis) => c.spacingMm[axis]),
    sizeVoxels: perAxis(cases, (c, axis) => c.size[axis]),
    fieldOfViewMm: perAxis(cases, fieldOfViewMm),
    rangeHU: [Math.min(...cases.map((c) => c.rangeHU[0])), Math.max(...cases.map((c) => c.rangeHU[1]))],
    liverPercentilesHU: percentiles(cases.map((c) => c.liverHistogram)),
    lesionPercentilesHU: percentiles(cases.map((c) => c.lesionHistogram)),
    liverVolumeMl: withLiver.length === 0 ? null : rangeOf(withLiver.map((c) => c.liverMl)),
    lesionVoxelShare: lesionVoxels / voxels,
    dataHash,
  };
}
