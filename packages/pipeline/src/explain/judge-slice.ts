import type { TaskControl } from '@glisson/imaging/progress/progress';
import type { Labelmap } from '@glisson/imaging/volume/labelmap';
import type { Volume } from '@glisson/imaging/volume/volume';
import { namedWeights } from '@glisson/nn/training/named-weights';
import { sliceIndex } from '../measure/slice-number.ts';
import type { PatchModel } from '../predict/loaded-model.ts';
import { parseModel } from '../predict/model-files.ts';
import { lesionSlice } from '../predict/patches/lesion-slice.ts';
import { openWindowScorer } from '../predict/patches/open-scorer.ts';
import type { SliceJudgement } from './explain-windows.ts';
import { openModelScan } from './model-scan.ts';

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
  const { scan, geometry, view } = openModelScan(volume, { plan }, labels, control);
  const weights = parseModel(path, onnx, namedWeights);
  const scorer = await openWindowScorer(plan, weights, {
    ...(threads !== undefined && { threads }),
    ...(control.signal !== undefined && { signal: control.signal }),
  });
  try {
    const k = sliceIndex(geometry, slice);
    const lesion = await lesionSlice(scan, k, plan, scorer);
    const probability = nearest(lesion, [geometry.size[0], geometry.size[1]], [view.width, view.height]);
    const threshold = plan.postprocess.lesionThreshold;
    return {
      probability,
      labels: Uint8Array.from(probability, (p) => (p >= threshold ? 2 : 0)),
      threshold,
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
