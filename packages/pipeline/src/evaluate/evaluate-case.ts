import { assertGeometriesAgree, voxelVolumeMm3 } from '@glisson/imaging/geometry/geometry';
import { assertKnownLabels, type Labelmap, liverLabels } from '@glisson/imaging/volume/labelmap';
import { countRegion, dice, intersectionOverUnion, type RegionCounts } from './overlap.ts';

/** Agreement in one region of one case. */
export interface RegionScores {
  readonly dice: number;
  readonly iou: number;
  readonly referenceMl: number;
  readonly predictionMl: number;
  readonly counts: RegionCounts;
}

/** Agreement of a prediction with its reference: liver is label 1 and 2, lesion is label 2, as LiTS has it. */
export interface CaseScores {
  readonly liver: RegionScores;
  readonly lesion: RegionScores;
}

/** Names that errors use for the two labelmaps. */
export interface PairNames {
  readonly reference: string;
  readonly prediction: string;
}

/**
 * Scores one pair on its common grid; never NaN: both empty is 1, one empty 0.
 * Grids agree when corner voxels lie within a tenth of the smallest spacing, since NIfTI keeps float32.
 * @throws ImagingError `geometry-mismatch`, and `label-unknown` for values other than 0, 1, 2
 */
export function evaluateCase(
  reference: Labelmap,
  prediction: Labelmap,
  names: PairNames = { reference: 'the reference', prediction: 'the prediction' },
): CaseScores {
  assertGeometriesAgree(reference.geometry, prediction.geometry, [names.reference, names.prediction]);
  assertKnownLabels({ ...reference, labels: liverLabels }, names.reference);
  assertKnownLabels({ ...prediction, labels: liverLabels }, names.prediction);
  const voxelMl = voxelVolumeMm3(reference.geometry) / 1000;
  const score = (least: number): RegionScores => {
    const counts = countRegion(reference.voxels, prediction.voxels, least, 2);
    return {
      dice: dice(counts),
      iou: intersectionOverUnion(counts),
      referenceMl: counts.reference * voxelMl,
      predictionMl: counts.prediction * voxelMl,
      counts,
    };
  };
  return { liver: score(1), lesion: score(2) };
}
