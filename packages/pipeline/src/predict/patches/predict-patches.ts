import type { TaskControl } from '@glisson/imaging/progress/progress';
import { PipelineError } from '../../errors/pipeline-error.ts';
import { type LiverSlices, openPatchScan } from '../../patches/patch-scan.ts';
import type { PatchPlan } from '../../plan/patch-plan.ts';
import type { PreparedVolume } from '../../preprocess/prepare-volume.ts';
import type { SliceProbabilities } from '../slice-stitcher.ts';
import { lesionSlice } from './lesion-slice.ts';
import type { WindowScorer } from './window-scorer.ts';

/**
 * Predicts lesion probabilities slice by slice by a classifier of patches, and hands each slice to `onSlice` in rising order
 * of k, on the prepared grid. The probability of liver is 1 in the liver, if that is known, and elsewhere that of
 * lesion: what is no lesion is not liver either. Slices without lesion and liver are left out.
 */
export async function predictPatches(
  prepared: PreparedVolume,
  plan: PatchPlan,
  scorer: WindowScorer,
  liver: LiverSlices | undefined,
  onSlice: (k: number, probabilities: SliceProbabilities) => void,
  control: TaskControl = {},
): Promise<void> {
  const { geometry, voxels } = prepared;
  const [width, height, depth] = geometry.size;
  const area = width * height;
  const source = { geometry, image: (k: number) => voxels.subarray(k * area, (k + 1) * area) };
  // Slices come one after the other: few need to be kept.
  const scan = openPatchScan(source, plan.preprocess, liver, { cacheBytes: 0 });
  for (let k = 0; k < depth; k++) {
    control.signal?.throwIfAborted();
    const lesion = await lesionSlice(scan, k, plan, scorer);
    const at = lesion.findIndex((value) => !Number.isFinite(value));
    if (at >= 0) throw notNumbers(lesion[at]!, k);
    const mask = liver?.(k);
    onSlice(k, {
      lesion,
      liver: mask === undefined ? lesion : lesion.map((p, i) => (mask[i] === 0 ? p : 1)),
    });
    control.onProgress?.({ stage: 'segment', done: k + 1, total: depth, unit: 'slices' });
  }
}

function notNumbers(value: number, k: number): PipelineError {
  return new PipelineError('model-invalid', 'The network gives probabilities that are not numbers.', {
    found: `${value} in slice ${k} of the prepared scan`,
    expected: 'probabilities from 0 to 1',
    advice: 'Its weights are damaged: take the model from its training again, or train it again.',
  });
}
