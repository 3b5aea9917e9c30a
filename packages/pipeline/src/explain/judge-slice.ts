import type { TaskControl } from '@glisson/imaging/progress/progress';
import type { Labelmap } from '@glisson/imaging/volume/labelmap';
import type { Volume } from '@glisson/imaging/volume/volume';
import { namedWeights } from '@glisson/nn/training/named-weights';
import { PipelineError } from '../errors/pipeline-error.ts';
import { sliceIndex } from '../measure/slice-number.ts';
import { openPatchScan } from '../patches/patch-scan.ts';
import { loadModel } from '../predict/load-model.ts';
import type { PatchModel } from '../predict/loaded-model.ts';
import { parseModel } from '../predict/model-files.ts';
import { lesionSlice } from '../predict/patches/lesion-slice.ts';
import { openWindowScorer } from '../predict/patches/open-scorer.ts';
import { prepareLabels } from '../preprocess/prepare-labels.ts';
import { prepareVolume } from '../preprocess/prepare-volume.ts';
import { createSliceView } from '../report/slice-view.ts';
import type { SliceJudgement } from './explain-windows.ts';

/**
 * A classifier of patches, by the path of its run or model file.
 * @throws PipelineError `option-invalid` for a model of another kind; as `loadModel`
 */
export async function loadPatchModel(path: string): Promise<PatchModel> {
  const model = await loadModel(path);
  if (model.kind === 'patch') return model;
  throw new PipelineError('option-invalid', 'This model does not judge windows.', {
    where: path,
    found: model.kind === 'foreign' ? 'a network of somebody else' : 'a network that segments',
    expected: 'a classifier of patches (a recipe that begins with patch-)',
  });
}

/**
 * What a classifier says of one axial slice, on the pixels of its view: its lesion probability, and lesion where that
 * reaches the plan's threshold. The rules for whole lesions, which need the other slices, are not applied.
 * @param slice number from 1
 * @param labels where the liver is, if known, on the volume's grid
 * @throws PipelineError `option-invalid` for a scan that is not axial
 */
export async function judgeSlice(
  volume: Volume,
  slice: number,
  { plan, onnx, path }: PatchModel,
  labels: Labelmap | undefined,
  { threads }: { readonly threads?: number } = {},
  control: TaskControl = {},
): Promise<SliceJudgement> {
  const view = createSliceView(volume.geometry);
  if (view.plane !== 'axial') {
    throw new PipelineError('option-invalid', 'Classifiers of patches judge axial slices only.', {
      found: `a scan of ${view.plane} slices`,
      advice: 'Leave --model out, or give an axial scan.',
    });
  }
  const prepared = prepareVolume(volume, plan.preprocess, control);
  const [width, height] = prepared.geometry.size;
  const ofSlice = <T extends Uint8Array | Int16Array>(voxels: T, k: number) =>
    voxels.subarray(k * width * height, (k + 1) * width * height) as T;
  const liver = labels && prepareLabels(labels, plan.preprocess);
  const scan = openPatchScan(
    { geometry: prepared.geometry, image: (k) => ofSlice(prepared.voxels, k) },
    plan.preprocess,
    liver && ((k) => ofSlice(liver, k)),
    { cacheBytes: 0 },
  );
  const weights = parseModel(path, onnx, namedWeights);
  const scorer = await openWindowScorer(plan, weights, {
    ...(threads !== undefined && { threads }),
    ...(control.signal !== undefined && { signal: control.signal }),
  });
  try {
    const k = sliceIndex(prepared.geometry, slice);
    const lesion = await lesionSlice(scan, k, plan, scorer);
    const probability = nearest(lesion, [width, height], [view.width, view.height]);
    return {
      probability,
      labels: Uint8Array.from(probability, (p) => (p >= plan.postprocess.lesionThreshold ? 2 : 0)),
    };
  } finally {
    await scorer.close();
  }
}

/** The pixels of a slice in the size of another over the same field of view. */
function nearest(
  slice: Float32Array,
  [width, height]: readonly [number, number],
  [toWidth, toHeight]: readonly [number, number],
): Float32Array {
  if (width === toWidth && height === toHeight) return slice;
  const out = new Float32Array(toWidth * toHeight);
  for (let y = 0, at = 0; y < toHeight; y++) {
    const row = Math.min(height - 1, Math.floor(((y + 0.5) * height) / toHeight)) * width;
    for (let x = 0; x < toWidth; x++, at++) {
      out[at] = slice[row + Math.min(width - 1, Math.floor(((x + 0.5) * width) / toWidth))]!;
    }
  }
  return out;
}
