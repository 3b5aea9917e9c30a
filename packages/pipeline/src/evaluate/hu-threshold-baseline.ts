import { assertGeometriesAgree } from '@glisson/imaging/geometry/geometry';
import { createLabelmap, type Labelmap, liverLabels } from '@glisson/imaging/volume/labelmap';
import type { Volume } from '@glisson/imaging/volume/volume';
import { PipelineError } from '../errors/pipeline-error.ts';
import { dice } from './overlap.ts';

/** Whole HU that the histograms tell apart; values beyond count at the ends. */
const lowestHU = -1024;
const highestHU = 1024;

/**
 * HU of the liver voxels of one case, apart for lesion and the rest: all that the choice of a threshold needs,
 * so that no volume has to stay in memory.
 */
export interface LiverHistogram {
  /** Voxels a whole HU from -1024 on, inside the liver mask. */
  readonly lesion: Float64Array;
  readonly other: Float64Array;
  /** Lesion voxels of the reference, those outside the liver mask included. */
  readonly lesionVoxels: number;
}

/**
 * Collects the histogram of one case.
 * @param liver the liver in which lesions are sought: label 1 and above
 * @param reference true labels; lesion is label 2
 * @throws ImagingError `geometry-mismatch`
 */
export function liverHistogram(volume: Volume, liver: Labelmap, reference: Labelmap): LiverHistogram {
  assertGeometriesAgree(volume.geometry, liver.geometry, ['The scan', 'the liver mask']);
  assertGeometriesAgree(volume.geometry, reference.geometry, ['The scan', 'the reference']);
  const bins = highestHU - lowestHU + 1;
  const lesion = new Float64Array(bins);
  const other = new Float64Array(bins);
  let lesionVoxels = 0;
  for (let i = 0; i < volume.voxels.length; i++) {
    const isLesion = reference.voxels[i] === 2;
    if (isLesion) lesionVoxels++;
    if (liver.voxels[i]! === 0) continue;
    const hu = Math.floor(volume.voxels[i]!);
    const bin = Math.min(bins - 1, Math.max(0, hu - lowestHU));
    if (isLesion) lesion[bin]!++;
    else other[bin]!++;
  }
  return { lesion, other, lesionVoxels };
}

/** Dice of "lesion is what lies below the threshold inside the liver" in one case. */
export function diceOfThreshold(histogram: LiverHistogram, thresholdHU: number): number {
  const end = Math.min(histogram.lesion.length, Math.max(0, Math.ceil(thresholdHU) - lowestHU));
  let intersection = 0;
  let prediction = 0;
  for (let bin = 0; bin < end; bin++) {
    intersection += histogram.lesion[bin]!;
    prediction += histogram.lesion[bin]! + histogram.other[bin]!;
  }
  return dice({ reference: histogram.lesionVoxels, prediction, intersection });
}

export interface ThresholdChoice {
  readonly thresholdHU: number;
  /** Mean over the training cases of the Dice per case, at that threshold. */
  readonly meanDice: number;
}

/**
 * The threshold (whole HU) with the best mean Dice over cases; the lowest of equals. What a network must beat.
 * @param range first and last candidate, HU
 */
export function chooseThreshold(
  cases: readonly LiverHistogram[],
  range: readonly [number, number] = [-100, 200],
): ThresholdChoice {
  if (cases.length === 0) {
    throw new PipelineError('data-invalid', 'A threshold cannot be chosen without cases.', {
      expected: 'at least one labelled training case',
    });
  }
  let best: ThresholdChoice = { thresholdHU: range[0], meanDice: -1 };
  for (let thresholdHU = range[0]; thresholdHU <= range[1]; thresholdHU++) {
    const meanDice = cases.reduce((sum, c) => sum + diceOfThreshold(c, thresholdHU), 0) / cases.length;
    if (meanDice > best.meanDice) best = { thresholdHU, meanDice };
  }
  return best;
}

/** Labels by the threshold: 2 where a voxel of the liver (label 1 and above) lies below it, else 1 or 0. */
export function applyThreshold(volume: Volume, liver: Labelmap, thresholdHU: number): Labelmap {
  assertGeometriesAgree(volume.geometry, liver.geometry, ['The scan', 'the liver mask']);
  const voxels = new Uint8Array(liver.voxels.length);
  for (let i = 0; i < voxels.length; i++) {
    if (liver.voxels[i]! > 0) voxels[i] = volume.voxels[i]! < thresholdHU ? 2 : 1;
  }
  return createLabelmap(liver.geometry, voxels, liverLabels);
}
