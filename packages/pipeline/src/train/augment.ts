import type { SeededRandom } from '@glisson/imaging/random/seeded-random';
import type { AugmentationPlan } from '../plan/plan.ts';
import { type PatchTransform, patchTransform } from './affine-patch.ts';

/** Draws how a patch is turned, zoomed and mirrored; all its channels and its labels share it. */
export function drawTransform(
  centre: readonly [number, number],
  spacingMm: readonly [number, number],
  plan: AugmentationPlan,
  random: SeededRandom,
): PatchTransform {
  const spatial = random.uniform() < plan.spatialProbability;
  const degrees = spatial ? random.between(-plan.rotationDegrees, plan.rotationDegrees) : 0;
  const zoom = spatial ? random.between(plan.scale[0], plan.scale[1]) : 1;
  const flip: [boolean, boolean] = [
    random.uniform() < plan.flipProbability[0],
    random.uniform() < plan.flipProbability[1],
  ];
  return patchTransform(centre, spacingMm, degrees, zoom, flip);
}

/** Blur of a patch, in pixels: from nearly none to that of a soft kernel. */
const blurSigma = [0.4, 1] as const;

/**
 * Changes the HU of a patch's channels in place as other scanners and doses would: blur, contrast about the mean,
 * brightness, noise, each with the plan's chance. The caller clips to the window afterwards, as scans are clipped.
 * @param hu `channels` images of width x height
 */
export function augmentIntensity(
  hu: Float32Array,
  channels: number,
  size: readonly [number, number],
  plan: AugmentationPlan,
  meanHU: number,
  random: SeededRandom,
): void {
  const chance = () => random.uniform() < plan.intensityProbability;
  if (chance()) {
    const sigma = random.between(blurSigma[0], blurSigma[1]);
    const area = size[0] * size[1];
    for (let c = 0; c < channels; c++) blurImage(hu.subarray(c * area, (c + 1) * area), size, sigma);
  }
  const contrast = chance() ? random.between(plan.contrast[0], plan.contrast[1]) : 1;
  const shift = chance() ? random.between(-plan.shiftHU, plan.shiftHU) : 0;
  if (contrast !== 1 || shift !== 0) {
    for (let i = 0; i < hu.length; i++) hu[i] = (hu[i]! - meanHU) * contrast + meanHU + shift;
  }
  if (chance()) {
    const sd = random.between(0, plan.noiseHU);
    for (let i = 0; i < hu.length; i++) hu[i]! += sd * random.normal();
  }
}

/** Gaussian blur with five taps, rows then columns, edges repeated, in place. */
export function blurImage(image: Float32Array, size: readonly [number, number], sigma: number): void {
  const [width, height] = size;
  const near = Math.exp(-1 / (2 * sigma * sigma));
  const far = Math.exp(-4 / (2 * sigma * sigma));
  const sum = 1 + 2 * near + 2 * far;
  const [w0, w1, w2] = [1 / sum, near / sum, far / sum];
  const line = new Float32Array(Math.max(width, height) + 4);
  const blurLine = (start: number, stride: number, length: number) => {
    for (let i = 0; i < length; i++) line[i + 2] = image[start + i * stride]!;
    line[0] = line[2]!;
    line[1] = line[2]!;
    line[length + 2] = line[length + 1]!;
    line[length + 3] = line[length + 1]!;
    for (let i = 0; i < length; i++) {
      image[start + i * stride] =
        w0 * line[i + 2]! + w1 * (line[i + 1]! + line[i + 3]!) + w2 * (line[i]! + line[i + 4]!);
    }
  };
  for (let y = 0; y < height; y++) blurLine(y * width, 1, width);
  for (let x = 0; x < width; x++) blurLine(x, width, height);
}
