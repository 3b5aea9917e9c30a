import type { Geometry } from '@glisson/imaging/geometry/geometry';
import type { Labelmap } from '@glisson/imaging/volume/labelmap';
import type { Scan } from '@glisson/imaging/volume/scan';
import type { Volume } from '@glisson/imaging/volume/volume';
import { PipelineError } from '../errors/pipeline-error.ts';
import type { LesionMeasures } from '../measure/measure-lesions.ts';
import { sliceNumber } from '../measure/slice-number.ts';
import type { Fingerprint } from '../plan/plan.ts';
import type { CleaningFacts } from '../postprocess/clean-labels.ts';
import type { SegmentationWarning } from './segmentation.ts';

/** Smallest and largest voxel. */
export interface ValueRange {
  readonly low: number;
  readonly high: number;
}

/**
 * Range of a scan's voxels.
 * @throws PipelineError `data-invalid` when a voxel is not a finite number or all are equal
 */
export function measureUsableRange({ voxels }: Volume, where: string): ValueRange {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < voxels.length; i++) {
    const value = voxels[i]!;
    if (value < low) low = value;
    if (value > high) high = value;
    if (!Number.isFinite(value)) {
      throw new PipelineError('data-invalid', 'The scan holds voxels that are not numbers.', {
        where,
        found: `${value} at voxel index ${i} (x fastest)`,
        expected: 'a finite CT number in every voxel',
        advice: 'Replace them in the source, for example by -1024 outside the body.',
      });
    }
  }
  if (low === high) {
    throw new PipelineError('data-invalid', 'The scan is empty: all voxels have the same value.', {
      where,
      found: `${voxels.length} voxels of ${low}`,
      expected: 'a CT scan of a body',
      advice: 'Check that the right series was chosen.',
    });
  }
  return { low, high };
}

/** What is known of the scans that a network was trained on. */
export interface TrainingScans {
  readonly windowHU: readonly [number, number];
  /** Absent for foreign networks: their plans do not say. */
  readonly fingerprint: Fingerprint | undefined;
}

/** Air that a whole CT holds and a clipped one does not, HU. */
const airHU = -200;

/** How far beyond the training range a length may lie before it is worth a warning. */
const spacingTolerance = 1.25;
const fieldTolerance = 1.15;

/**
 * What about a scan differs from the scans that the model was trained on.
 * @param lpsGeometry the scan's grid with its axes in LPS order
 */
export function compareWithTraining(
  scan: Scan,
  lpsGeometry: Geometry,
  range: ValueRange,
  { fingerprint, windowHU }: TrainingScans,
): SegmentationWarning[] {
  return [
    ...modalityWarnings(scan),
    ...directionWarnings(lpsGeometry),
    ...rangeWarnings(range, fingerprint?.rangeHU, windowHU),
    ...(fingerprint === undefined
      ? [foreignWarning]
      : [...spacingWarnings(lpsGeometry, fingerprint), ...fieldWarnings(lpsGeometry, fingerprint)]),
  ];
}

const foreignWarning: SegmentationWarning = {
  code: 'foreign-network',
  message:
    'The network comes from elsewhere and its plan does not say what scans it was trained on: scans unlike them are not noticed.',
};

function modalityWarnings(scan: Scan): SegmentationWarning[] {
  const modality = scan.series?.modality;
  if (modality !== undefined && modality !== 'CT') {
    return [
      {
        code: 'not-ct',
        message: `This series is ${modality || 'of unknown modality'}, not CT: the model knows CT only, and the result means nothing unless proven.`,
      },
    ];
  }
  if (modality === 'CT' && !scan.isHounsfield) {
    return [
      {
        code: 'not-hounsfield',
        message:
          'The series does not say how its values become Hounsfield units; they were taken as they are.',
      },
    ];
  }
  return [];
}

/** Largest angle between slices and the patient's axes at which they still look as in training. */
const mostTurnedDegrees = 25;

function directionWarnings({ direction }: Geometry): SegmentationWarning[] {
  const smallestCosine = Math.min(direction[0], direction[4], direction[8]);
  const degrees = (Math.acos(Math.min(1, smallestCosine)) * 180) / Math.PI;
  if (degrees <= mostTurnedDegrees) return [];
  return [
    {
      code: 'oblique',
      message: `The grid is turned by ${round(degrees)} degrees against the patient's axes; the model knows axial slices.`,
    },
  ];
}

function rangeWarnings(
  { low, high }: ValueRange,
  rangeHU: Fingerprint['rangeHU'] | undefined,
  window: readonly [number, number],
): SegmentationWarning[] {
  const found = `values from ${round(low)} to ${round(high)}`;
  if (low > window[0] + 0.1 * (window[1] - window[0]) || high < window[0] + 0.5 * (window[1] - window[0])) {
    const trained =
      rangeHU === undefined ? '' : ` (training: ${round(rangeHU[0])} to ${round(rangeHU[1])} HU)`;
    return [
      {
        code: 'hu-range',
        message: `The scan has ${found}, which do not look like Hounsfield units of a body${trained}. It may be an 8-bit picture or lack its rescale intercept.`,
      },
    ];
  }
  if (low > airHU && (rangeHU === undefined || rangeHU[0] <= airHU)) {
    return [
      {
        code: 'hu-clipped',
        message: `The scan was clipped before it came here: ${found} HU, without air below ${airHU} HU. Measured HU may be cut off.`,
      },
    ];
  }
  return [];
}

const axisNames = ['left-right pixel spacing', 'front-back pixel spacing', 'slice distance'] as const;

function spacingWarnings(geometry: Geometry, fingerprint: Fingerprint): SegmentationWarning[] {
  return axisNames.flatMap((name, axis) => {
    const [least, most] = fingerprint.spacingMm[axis]!;
    const found = geometry.spacing[axis]!;
    if (found >= least / spacingTolerance && found <= most * spacingTolerance) return [];
    return [
      {
        code: axis === 2 ? 'slice-distance' : 'pixel-spacing',
        message: `The ${name} of ${round(found, 2)} mm lies outside the training scans (${round(least, 2)} to ${round(most, 2)} mm).`,
      },
    ];
  });
}

const fieldNames = ['left to right', 'front to back', 'bottom to top'] as const;

function fieldWarnings(geometry: Geometry, fingerprint: Fingerprint): SegmentationWarning[] {
  let isLonger = false;
  const outside = fieldNames.flatMap((name, axis) => {
    const [least, most] = fingerprint.fieldOfViewMm[axis]!;
    const found = geometry.size[axis]! * geometry.spacing[axis]!;
    if (found >= least / fieldTolerance && found <= most * fieldTolerance) return [];
    if (axis === 2 && found > most) isLonger = true;
    return [`${round(found)} mm ${name} (training: ${round(least)} to ${round(most)} mm)`];
  });
  if (outside.length === 0) return [];
  const advice = isLonger
    ? ' Parts of the body that the model has never seen, such as chest and pelvis, may show false findings.'
    : '';
  return [
    {
      code: 'field-of-view',
      message: `The field of view lies outside the training scans: ${outside.join('; ')}.${advice}`,
    },
  ];
}

/**
 * What about a finished segmentation should make a person look twice.
 * @param labelmap on the scan's grid
 */
export function checkResult(
  volume: Volume,
  labelmap: Labelmap,
  measures: LesionMeasures,
  cleaning: CleaningFacts,
  { fingerprint }: TrainingScans,
): SegmentationWarning[] {
  if (!cleaning.liverFound) {
    const found = cleaning.liverMl > 0 ? ` (the largest candidate has ${round(cleaning.liverMl, 1)} ml)` : '';
    return [
      {
        code: 'no-liver',
        message: `No liver was found${found}, so no lesions are reported. Check that the scan shows the abdomen.`,
      },
    ];
  }
  const warnings: SegmentationWarning[] = [];
  const slices = slicesOfLiver(labelmap);
  const ends = [...new Set([slices.first, slices.last])].filter(
    (k) => k === 0 || k === labelmap.geometry.size[2] - 1,
  );
  if (ends.length > 0) {
    const numbers = ends.map((k) => sliceNumber(labelmap.geometry, k)).sort((a, b) => a - b);
    warnings.push({
      code: 'liver-cut-off',
      message: `The liver reaches the end of the scan (slice ${numbers.join(' and ')}): a part of it may lie outside, and volumes are those of the visible part.`,
    });
  }
  const training = fingerprint?.liverVolumeMl ?? null;
  if (training !== null && measures.liverMl < training[0] / 2) {
    warnings.push({
      code: 'small-liver',
      message: `The liver found has ${round(measures.liverMl)} ml, less than half of the smallest in training (${round(training[0])} ml): it may be incomplete.`,
    });
  }
  if (training !== null && measures.liverMl > training[1] * 2) {
    warnings.push({
      code: 'large-liver',
      message: `The liver found has ${round(measures.liverMl)} ml, more than twice the largest in training (${round(training[1])} ml): other organs may be included.`,
    });
  }
  const percentiles = fingerprint?.liverPercentilesHU ?? null;
  const mean = meanOfLiver(volume, labelmap);
  if (percentiles !== null && mean !== undefined && (mean < percentiles[0] || mean > percentiles[2])) {
    warnings.push({
      code: 'liver-hu',
      message: `The liver has ${round(mean)} HU on average, outside the training livers (${round(percentiles[0])} to ${round(percentiles[2])} HU): another contrast phase, or values that are not HU.`,
    });
  }
  return warnings;
}

function slicesOfLiver({ geometry, voxels }: Labelmap): { first: number; last: number } {
  const area = geometry.size[0] * geometry.size[1];
  const first = voxels.findIndex((value) => value > 0);
  const last = voxels.findLastIndex((value) => value > 0);
  return { first: Math.floor(first / area), last: Math.floor(last / area) };
}

function meanOfLiver(volume: Volume, { voxels }: Labelmap): number | undefined {
  let sum = 0;
  let count = 0;
  for (let i = 0; i < voxels.length; i++) {
    if (voxels[i] === 1) {
      sum += volume.voxels[i]!;
      count++;
    }
  }
  return count === 0 ? undefined : sum / count;
}

function round(value: number, digits = 0): number {
  return Number(value.toFixed(digits));
}
