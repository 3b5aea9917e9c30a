import { createRandom, type SeededRandom } from '@glisson/imaging/random/seeded-random';
import { cutPatch } from '../../patches/cut-patch.ts';
import type { PatchPlan, PatchTraining } from '../../plan/patch-plan.ts';
import type { TrainingBatch } from '../family.ts';
import type { HardNegative } from './hard-negatives.ts';
import type { PatchCase } from './patch-case.ts';
import { sampleMiddle } from './sample-middle.ts';

type BatchPlan = Pick<PatchPlan, 'preprocess' | 'network' | 'training'>;

/**
 * The batch of a step: images [N, C, size, size], targets [N], 1 for lesion. It depends on cases, plan, mined negatives, seed
 * and step only, so that a resumed run sees what an unbroken one would.
 */
export function createPatchBatch(
  cases: readonly PatchCase[],
  hard: readonly HardNegative[],
  plan: BatchPlan,
  step: number,
): TrainingBatch {
  const { batchSize, patchSize, seed } = plan.training;
  const length = plan.network.inputChannels * patchSize * patchSize;
  const images = new Float32Array(batchSize * length);
  const targets = new Uint8Array(batchSize);
  for (let n = 0; n < batchSize; n++) {
    const random = patchRandom(seed, step, n);
    const { patchCase, slice, pixel, target } = sampleMiddle(cases, hard, plan.training, random);
    const { scan } = patchCase;
    const image = { ...sizeOf(scan.crop), data: scan.channels(slice), padding: scan.padding };
    const patch = images.subarray(n * length, (n + 1) * length);
    cutPatch(image, pixel, patchSize, patch, 0);
    augmentPatch(patch, plan.network.inputChannels, patchSize, plan, random);
    targets[n] = target;
  }
  return { images, targets };
}

/** Which slices the batch of a step was cut from, for messages: 'CASE slice 3 of 40'. */
export function describePatchBatch(
  cases: readonly PatchCase[],
  hard: readonly HardNegative[],
  { training }: Pick<PatchPlan, 'training'>,
  step: number,
): string[] {
  return Array.from({ length: training.batchSize }, (_, n) => {
    const { patchCase, slice } = sampleMiddle(cases, hard, training, patchRandom(training.seed, step, n));
    const { id, geometry } = patchCase.prepared;
    return `${id} slice ${slice + 1} of ${geometry.size[2]}`;
  });
}

/** What the middles and augmentation of image n of a step are drawn with. */
export function patchRandom(seed: number, step: number, n: number): SeededRandom {
  return createRandom(seed, 'train', step, n);
}

function sizeOf({ width, height }: { readonly width: number; readonly height: number }) {
  return { width, height };
}

/**
 * Mirrors, turns, and changes grey values as the plan says, in place; the middle pixel stays where it is.
 * @param targets of a square grid of windows over the image, [side, side]: mirrored and turned with it
 */
export function augmentPatch(
  patch: Float32Array,
  channels: number,
  size: number,
  {
    preprocess,
    training,
  }: { preprocess: Pick<PatchPlan['preprocess'], 'sd'>; training: Pick<PatchTraining, 'augmentation'> },
  random: SeededRandom,
  targets?: Float32Array,
): void {
  const { flipProbability, transposeProbability, intensityProbability, ...ranges } = training.augmentation;
  const turn = {
    flipX: random.uniform() < flipProbability[0],
    flipY: random.uniform() < flipProbability[1],
    transpose: random.uniform() < transposeProbability,
  };
  for (let c = 0; c < channels; c++) turnSquare(patch.subarray(c * size * size, (c + 1) * size * size), turn);
  if (targets !== undefined) turnSquare(targets, turn);
  const happens = () => random.uniform() < intensityProbability;
  const shift = happens() ? random.between(-ranges.shift, ranges.shift) / preprocess.sd : 0;
  const contrast = happens() ? random.between(...ranges.contrast) : 1;
  // The plan's mean is 0 by now.
  if (shift !== 0 || contrast !== 1)
    for (let i = 0; i < patch.length; i++) patch[i] = patch[i]! * contrast + shift;
  if (happens()) {
    const sd = random.between(0, ranges.noise) / preprocess.sd;
    for (let i = 0; i < patch.length; i++) patch[i]! += sd * random.normal();
  }
}

interface Turn {
  readonly flipX: boolean;
  readonly flipY: boolean;
  readonly transpose: boolean;
}

function turnSquare(values: Float32Array, { flipX, flipY, transpose }: Turn): void {
  if (!flipX && !flipY && !transpose) return;
  const size = Math.sqrt(values.length);
  const source = values.slice();
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const [u, v] = [flipX ? size - 1 - x : x, flipY ? size - 1 - y : y];
      values[y * size + x] = source[transpose ? u * size + v : v * size + u]!;
    }
  }
}
