/** Voxel counts of two binary regions on one grid. */
export interface RegionCounts {
  readonly reference: number;
  readonly prediction: number;
  readonly intersection: number;
}

/**
 * Dice coefficient 2|A and B| / (|A| + |B|). Two empty regions agree fully: 1; one empty: 0.
 * (LiTS: Bilic et al., "The Liver Tumor Segmentation Benchmark", 2023.)
 */
export function dice({ reference, prediction, intersection }: RegionCounts): number {
  const total = reference + prediction;
  return total === 0 ? 1 : (2 * intersection) / total;
}

/** Intersection over union (Jaccard index). Two empty regions: 1; one empty: 0. */
export function intersectionOverUnion({ reference, prediction, intersection }: RegionCounts): number {
  const union = reference + prediction - intersection;
  return union === 0 ? 1 : intersection / union;
}

/** Counts voxels whose label is in [least, most] in two label arrays of one length. */
export function countRegion(
  reference: Uint8Array,
  prediction: Uint8Array,
  least: number,
  most: number,
): RegionCounts {
  let inReference = 0;
  let inPrediction = 0;
  let inBoth = 0;
  for (let i = 0; i < reference.length; i++) {
    const a = reference[i]! >= least && reference[i]! <= most ? 1 : 0;
    const b = prediction[i]! >= least && prediction[i]! <= most ? 1 : 0;
    inReference += a;
    inPrediction += b;
    inBoth += a & b;
  }
  return { reference: inReference, prediction: inPrediction, intersection: inBoth };
}

/** Sums counts over cases, for global scores. */
export function addCounts(counts: readonly RegionCounts[]): RegionCounts {
  return counts.reduce(
    (sum, c) => ({
      reference: sum.reference + c.reference,
      prediction: sum.prediction + c.prediction,
      intersection: sum.intersection + c.intersection,
    }),
    { reference: 0, prediction: 0, intersection: 0 },
  );
}
