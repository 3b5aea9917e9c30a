import { assertGeometriesAgree, assertGeometry, type Geometry } from '@glisson/imaging/geometry/geometry';
import {
  type AxisMap,
  axisMapToLps,
  invertAxisMap,
  reorientGeometry,
  reorientLabelmap,
} from '@glisson/imaging/process/reorient';
import type { TaskControl } from '@glisson/imaging/progress/progress';
import { createLabelmap, type Labelmap, liverLabels } from '@glisson/imaging/volume/labelmap';
import type { Scan } from '@glisson/imaging/volume/scan';
import { PipelineError } from '../errors/pipeline-error.ts';
import { measureLesions, type ProbabilityOf } from '../measure/measure-lesions.ts';
import { prepareLabels } from '../preprocess/prepare-labels.ts';
import { type PreparedVolume, prepareVolume } from '../preprocess/prepare-volume.ts';
import { createInPlaneMap, type InPlaneMap, interpolateSlice } from './in-plane-map.ts';
import type { LoadedModel } from './loaded-model.ts';
import type { LabelThresholds, ModelUse } from './model-use.ts';
import type { TilePredictor } from './predict-slices.ts';
import { checkResult, compareWithTraining, measureUsableRange } from './scan-checks.ts';
import type { Segmentation, SegmentationWarning } from './segmentation.ts';
import { useModel } from './use-model.ts';

export interface SegmentOptions {
  /** Threads of the engine; default: its own choice. */
  readonly threads?: number;
  /** Runs the network instead of the engine; stays open. Not for classifiers of patches. */
  readonly predictor?: TilePredictor;
  /** Where the liver is (labels other than 0), on the scan's grid: for classifiers of patches, which do not look for it. */
  readonly liver?: Labelmap;
}

/**
 * Finds liver and lesions in one scan and measures them, on the scan's own grid.
 *
 * The scan is prepared as in training; each slice goes through the network in overlapping tiles; its stitched
 * probabilities are interpolated (bilinear) to the scan's own pixels and thresholded there; the plan's rules
 * clean the labels. Whole-volume class probabilities are never held: only the lesion probability on the
 * prepared grid, one byte a voxel, for the confidence of lesions. The same scan and model give the same labels.
 * @throws PipelineError `data-invalid` for NaN or constant scans, `model-invalid` when network and plan disagree;
 * the signal's reason when cancelled
 */
export async function segmentScan(
  scan: Scan,
  model: LoadedModel,
  options: SegmentOptions = {},
  control: TaskControl = {},
): Promise<Segmentation> {
  const clock = createStopwatch();
  control.signal?.throwIfAborted();
  assertGeometry(scan.volume.geometry, scan.path);
  const range = measureUsableRange(scan.volume, scan.path);
  const { geometry } = scan.volume;
  const use = useModel(model, reorientGeometry(geometry, axisMapToLps(geometry)));
  if (options.liver !== undefined) {
    if (use.findsLiver) throw liverNotWanted();
    assertGeometriesAgree(geometry, options.liver.geometry, ['The scan', 'the mask of the liver']);
  }
  const prepared = prepareVolume(scan.volume, use.preparation, control);
  const liver = options.liver && prepareLabels(options.liver, use.preparation);
  clock.lap('prepare');

  const { labels, lesionBytes, map } = await predictLabels(prepared, use, liver, options, control);
  clock.lap('network');

  control.signal?.throwIfAborted();
  const known = options.liver && reorientLabelmap(options.liver, prepared.axisMap).voxels;
  const cleaning = use.clean(labels, prepared.lpsGeometry, known);
  const labelmap = toSourceGrid(labels, prepared, geometry);
  clock.lap('postprocess');

  const probabilityOf = use.hasProbabilities
    ? createProbabilityLookup(lesionBytes, prepared, map, geometry)
    : undefined;
  const measured = measureLesions(scan.volume, labelmap, probabilityOf);
  // Without a liver nothing can be said of its volume, not even that of its lesions.
  const knowsLiver = use.findsLiver || liver !== undefined;
  const measures = knowsLiver ? measured : { ...measured, liverMl: 0, tumourBurden: 0 };
  const warnings: SegmentationWarning[] = [
    ...scan.findings.flatMap(({ severity, code, message }) =>
      severity === 'info' ? [] : [{ code, message }],
    ),
    ...compareWithTraining(scan, prepared.lpsGeometry, range, use.training),
    ...(knowsLiver
      ? checkResult(scan.volume, labelmap, measures, cleaning, use.training)
      : [liverUnknownWarning]),
    ...(use.judgesLiverOnly && liver === undefined ? [liverMaskMissingWarning] : []),
  ];
  clock.lap('measure');
  return { ...measures, labelmap, warnings, seconds: clock.laps };
}

function liverNotWanted(): PipelineError {
  return new PipelineError('option-invalid', 'This network finds the liver itself.', {
    found: 'a mask of the liver besides',
    advice: 'Leave it out: only classifiers of patches take one.',
  });
}

const liverUnknownWarning: SegmentationWarning = {
  code: 'liver-unknown',
  message:
    'The network looks for lesions only and no mask of the liver was given: findings may lie in other organs, and volume and tumour burden of the liver are not known.',
};

const liverMaskMissingWarning: SegmentationWarning = {
  code: 'liver-mask-missing',
  message:
    'The model was made to judge pixels of the liver only (inference.mask of its plan), but no mask of the liver was given: the whole body was judged. Expect false findings, and give a mask with --liver.',
};

/** Raw labels on the scan's grid in LPS order, and lesion probabilities (0..255) on the prepared grid. */
interface RawLabels {
  readonly labels: Uint8Array;
  readonly lesionBytes: Uint8Array;
  readonly map: InPlaneMap;
}

async function predictLabels(
  prepared: PreparedVolume,
  use: ModelUse,
  liver: Uint8Array | undefined,
  options: SegmentOptions,
  control: TaskControl,
): Promise<RawLabels> {
  const labeller = createLabeller(prepared, use.thresholds);
  await use.predict(prepared, labeller.addSlice, { ...options, liver }, control);
  return labeller;
}

function createLabeller(prepared: PreparedVolume, { liverThreshold, lesionThreshold }: LabelThresholds) {
  const { geometry, lpsGeometry } = prepared;
  const map = createInPlaneMap(geometry, lpsGeometry);
  const sourcePixels = lpsGeometry.size[0] * lpsGeometry.size[1];
  const preparedPixels = geometry.size[0] * geometry.size[1];
  const labels = new Uint8Array(sourcePixels * lpsGeometry.size[2]);
  const lesionBytes = new Uint8Array(prepared.voxels.length);
  const liver = new Float32Array(sourcePixels);
  const lesion = new Float32Array(sourcePixels);
  const addSlice = (k: number, probabilities: { liver: Float32Array; lesion: Float32Array }): void => {
    interpolateSlice(probabilities.liver, geometry.size[0], map, liver);
    interpolateSlice(probabilities.lesion, geometry.size[0], map, lesion);
    const at = k * sourcePixels;
    for (let i = 0; i < sourcePixels; i++) {
      // A probability of exactly 0 is no finding, whatever the threshold: those pixels were never predicted.
      if (liver[i]! < liverThreshold || liver[i]! === 0) continue;
      labels[at + i] = lesion[i]! >= lesionThreshold && lesion[i]! > 0 ? 2 : 1;
    }
    const from = k * preparedPixels;
    for (let i = 0; i < preparedPixels; i++)
      lesionBytes[from + i] = Math.round(probabilities.lesion[i]! * 255);
  };
  return { labels, lesionBytes, map, addSlice };
}

function toSourceGrid(labels: Uint8Array, prepared: PreparedVolume, source: Geometry): Labelmap {
  const lps = createLabelmap(prepared.lpsGeometry, labels, liverLabels);
  const back = reorientLabelmap(lps, invertAxisMap(prepared.axisMap));
  assertGeometriesAgree(back.geometry, source, ['The labels', 'the scan']);
  return createLabelmap(source, back.voxels, liverLabels);
}

/**
 * Looks up the lesion probability of a source voxel at the nearest prepared voxel. The way from one grid to the
 * other works axis by axis, so three small tables of offsets say it all.
 */
function createProbabilityLookup(
  bytes: Uint8Array,
  prepared: PreparedVolume,
  map: InPlaneMap,
  source: Geometry,
): ProbabilityOf {
  const { size } = prepared.geometry;
  const strides = [1, size[0], size[0] * size[1]] as const;
  const nearest = (axis: number, n: number) =>
    axis === 0 ? map.x.nearest[n]! : axis === 1 ? map.y.nearest[n]! : n;
  const offsets = source.size.map((length) => new Int32Array(length));
  const { perm, flip }: AxisMap = prepared.axisMap;
  for (let axis = 0; axis < 3; axis++) {
    const sourceAxis = perm[axis]!;
    const length = source.size[sourceAxis]!;
    for (let n = 0; n < length; n++) {
      offsets[sourceAxis]![n] = strides[axis]! * nearest(axis, flip[axis] ? length - 1 - n : n);
    }
  }
  const [x, y, z] = offsets as [Int32Array, Int32Array, Int32Array];
  return (i, j, k) => bytes[x[i]! + y[j]! + z[k]!]! / 255;
}

function createStopwatch(): { laps: Record<string, number>; lap(name: string): void } {
  const laps: Record<string, number> = {};
  let last = performance.now();
  return {
    laps,
    lap(name) {
      const now = performance.now();
      laps[name] = (now - last) / 1000;
      last = now;
    },
  };
}
