import { ignoredTarget } from '@glisson/nn/training/loss';
import { cutRectangle } from '../../patches/cut-patch.ts';
import { windowGrid } from '../../patches/window-grid.ts';
import type { PatchPlan } from '../../plan/patch-plan.ts';
import type { TrainingBatch } from '../family.ts';
import { lesionValue } from '../label-values.ts';
import type { HardNegative } from './hard-negatives.ts';
import { augmentPatch, patchRandom } from './patch-batch.ts';
import type { PatchCase } from './patch-case.ts';
import { sampleMiddle } from './sample-middle.ts';

type BatchPlan = Pick<PatchPlan, 'preprocess' | 'network' | 'training' | 'inference'>;

/** Side of a training image that holds the plan's windows. */
export function windowsSide({ training, inference }: Pick<PatchPlan, 'training' | 'inference'>): number {
  return ((training.windows ?? 1) - 1) * inference.outputStride + training.patchSize;
}

/**
 * The batch of a step for the dense form: images [N, C, side, side] and targets [N, windows, windows], 1 for lesion in a
 * window's middle; middles where patches would not be cut (air, say) do not count. One window of each image is drawn as a patch would be, and lies
 * anywhere in the grid. Depends on what `createPatchBatch` depends on.
 */
export function createWindowBatch(
  cases: readonly PatchCase[],
  hard: readonly HardNegative[],
  plan: BatchPlan,
  step: number,
): TrainingBatch {
  const { batchSize, patchSize, seed, windows = 1 } = plan.training;
  const { outputStride } = plan.inference;
  const channels = plan.network.inputChannels;
  const side = windowsSide(plan);
  const length = channels * side * side;
  const images = new Float32Array(batchSize * length);
  const targets = new Uint8Array(batchSize * windows * windows);
  for (let n = 0; n < batchSize; n++) {
    const random = patchRandom(seed, step, n);
    const { patchCase, slice, pixel } = sampleMiddle(cases, hard, plan.training, random);
    const { scan } = patchCase;
    const { width, height } = scan.crop;
    const [column, row] = [random.integer(windows), random.integer(windows)];
    const firstX = pixel[0] - column * outputStride;
    const firstY = pixel[1] - row * outputStride;
    const half = (patchSize - 1) / 2;
    const image = images.subarray(n * length, (n + 1) * length);
    const source = { width, height, data: scan.channels(slice), padding: scan.padding };
    cutRectangle(source, [firstX - half, firstY - half], [side, side], image, 0);
    const labels = patchCase.labels(slice);
    const body = scan.body(slice);
    const { centresX, centresY } = windowGrid(
      scan.crop,
      patchSize,
      outputStride,
      plan.preprocess.padding.pixels,
    );
    const truth = new Float32Array(windows * windows);
    for (let j = 0; j < windows; j++) {
      for (let i = 0; i < windows; i++) {
        const [x, y] = [firstX + i * outputStride, firstY + j * outputStride];
        const exists = x >= centresX[0] && x <= centresX[1] && y >= centresY[0] && y <= centresY[1];
        const at = y * width + x;
        const counts = exists && (labels[at]! > 0 || body[at] === 1);
        truth[j * windows + i] = counts ? (labels[at] === lesionValue ? 1 : 0) : ignoredTarget;
      }
    }
    augmentPatch(image, channels, side, plan, random, truth);
    targets.set(truth, n * windows * windows);
  }
  return { images, targets };
}
