import type { PatchScan } from '../../patches/patch-scan.ts';
import { plannedWindows, windowsOfMask } from '../../patches/window-grid.ts';
import type { PatchPlan } from '../../plan/patch-plan.ts';
import { spreadScores } from './spread-scores.ts';
import type { WindowScorer } from './window-scorer.ts';

/** The pixels of a slice that the plan wants judged, [height, width] of the crop. */
export function judgedPixels(scan: PatchScan, k: number, mask: PatchPlan['inference']['mask']): Uint8Array {
  const body = scan.body(k);
  switch (mask) {
    case 'none':
      return body.fill(1);
    case 'body':
      return body;
    case 'liver':
      return scan.liver(k) ?? body;
  }
}

/**
 * Lesion probability of every pixel of a slice, [height, width] of the prepared grid: windows at the plan's stride, spread
 * over the pixels between them; 0 outside the mask and the crop. What `segment` shows and what training validates on.
 */
export async function lesionSlice(
  scan: PatchScan,
  k: number,
  plan: Pick<PatchPlan, 'training' | 'inference' | 'preprocess'>,
  scorer: WindowScorer,
): Promise<Float32Array> {
  const [width, height] = scan.geometry.size;
  const { crop } = scan;
  const out = new Float32Array(width * height);
  const pixels = judgedPixels(scan, k, plan.inference.mask);
  if (!pixels.includes(1)) return out;
  const grid = plannedWindows(crop, plan);
  const image = { data: scan.channels(k), width: crop.width, height: crop.height, padding: scan.padding };
  const scores = await scorer.score(image, grid, windowsOfMask(pixels, crop.width, grid));
  const spread = spreadScores(scores, grid, crop, plan.inference.interpolation);
  for (let y = 0; y < crop.height; y++) {
    const to = (crop.y + y) * width + crop.x;
    for (let x = 0; x < crop.width; x++) {
      const i = y * crop.width + x;
      if (pixels[i] === 1) out[to + x] = spread[i]!;
    }
  }
  return out;
}
