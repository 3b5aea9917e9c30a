import { createRandom } from '@glisson/imaging/random/seeded-random';
import type { Plan } from '../plan/plan.ts';
import { channelCount, contextSliceIndices } from '../preprocess/slice-stack.ts';
import { sampleImagePatch, sampleLabelPatch } from './affine-patch.ts';
import { augmentIntensity, drawTransform } from './augment.ts';
import type { CaseIndex } from './case-index.ts';
import { samplePatchPlace } from './sample-patch.ts';

export interface Batch {
  /** [N, C, H, W], normalised. */
  readonly images: Float32Array;
  /** [N, H, W], label values. */
  readonly targets: Uint8Array;
}

/**
 * The batch of a step. It depends on plan, cases, seed and step only, not on the batches before it, so that a
 * resumed run sees what an unbroken one would.
 */
export function createBatch(
  cases: readonly CaseIndex[],
  plan: Pick<Plan, 'preprocess' | 'training'>,
  step: number,
): Batch {
  const { preprocess, training } = plan;
  const { batchSize, patchSize, augmentation } = training;
  const channels = channelCount(preprocess);
  const area = patchSize[0] * patchSize[1];
  const images = new Float32Array(batchSize * channels * area);
  const targets = new Uint8Array(batchSize * area);
  const [low, high] = preprocess.windowHU;
  for (let n = 0; n < batchSize; n++) {
    const random = patchRandom(training.seed, step, n);
    const place = samplePatchPlace(cases, training, random);
    const { prepared } = place.index;
    const { geometry } = prepared;
    const sliceSize = [geometry.size[0], geometry.size[1]] as const;
    const transform = drawTransform(place.centre, preprocess.spacingMm, augmentation, random);
    const patch = images.subarray(n * channels * area, (n + 1) * channels * area);
    contextSliceIndices(geometry, place.slice, preprocess).forEach((k, c) => {
      sampleImagePatch(prepared.image(k), sliceSize, transform, patchSize, low, patch, c * area);
    });
    sampleLabelPatch(prepared.labels(place.slice), sliceSize, transform, patchSize, targets, n * area);
    augmentIntensity(patch, channels, patchSize, augmentation, preprocess.meanHU, random);
    for (let i = 0; i < patch.length; i++) {
      const clipped = Math.min(Math.max(patch[i]!, low), high);
      patch[i] = (clipped - preprocess.meanHU) / preprocess.sdHU;
    }
  }
  return { images, targets };
}

/** Which slices the batch of a step was cut from, for messages: 'CASE slice 3 of 40'. */
export function describeBatch(
  cases: readonly CaseIndex[],
  { training }: Pick<Plan, 'training'>,
  step: number,
): string[] {
  return Array.from({ length: training.batchSize }, (_, n) => {
    const { index, slice } = samplePatchPlace(cases, training, patchRandom(training.seed, step, n));
    const { id, geometry } = index.prepared;
    return `${id} slice ${slice + 1} of ${geometry.size[2]}`;
  });
}

function patchRandom(seed: number, step: number, n: number) {
  return createRandom(seed, 'train', step, n);
}
