import { axisMapToLps, reorientLabelmap } from '@glisson/imaging/process/reorient';
import type { Labelmap } from '@glisson/imaging/volume/labelmap';
import { areaWeights } from './axis-weights.ts';
import { type GridPlan, preparedGeometry } from './prepared-grid.ts';

/**
 * Labels on the prepared grid of their scan (see `prepareVolume`). Each prepared voxel takes the label that
 * covers most of its area; of equal areas the higher value wins, which is the lesion. Areas rather than the
 * nearest voxel, because lesions a few voxels across would otherwise appear or vanish by chance when a slice
 * shrinks. The input is not changed; the result is new.
 */
export function prepareLabels(labelmap: Labelmap, plan: GridPlan): Uint8Array {
  const lps = reorientLabelmap(labelmap, axisMapToLps(labelmap.geometry));
  const geometry = preparedGeometry(lps.geometry, plan);
  const [width, height, depth] = lps.geometry.size;
  const [outWidth, outHeight] = geometry.size;
  const across = areaWeights(width, outWidth, geometry.spacing[0] / lps.geometry.spacing[0]);
  const down = areaWeights(height, outHeight, geometry.spacing[1] / lps.geometry.spacing[1]);

  const voxels = new Uint8Array(outWidth * outHeight * depth);
  const area = new Float64Array(256);
  for (let k = 0; k < depth; k++) {
    const slice = lps.voxels.subarray(k * width * height, (k + 1) * width * height);
    if (slice.every((value) => value === 0)) continue;
    for (let y = 0; y < outHeight; y++) {
      for (let x = 0; x < outWidth; x++) {
        const label = largestLabel(slice, width, across, x, down, y, area);
        if (label !== 0) voxels[(k * outHeight + y) * outWidth + x] = label;
      }
    }
  }
  return voxels;
}

/** Areas closer than this are equal: sums of weights differ in the last bits. */
const areaTolerance = 1e-9;

function largestLabel(
  slice: Uint8Array,
  width: number,
  across: ReturnType<typeof areaWeights>,
  x: number,
  down: ReturnType<typeof areaWeights>,
  y: number,
  area: Float64Array,
): number {
  const fromX = across.start[x]!;
  const toX = across.start[x + 1]!;
  const fromY = down.start[y]!;
  const toY = down.start[y + 1]!;
  const corner = slice[down.first[y]! * width + across.first[x]!]!;
  let mixed = false;
  for (let j = fromY; j < toY && !mixed; j++) {
    const row = (down.first[y]! + j - fromY) * width + across.first[x]! - fromX;
    for (let i = fromX; i < toX; i++) if (slice[row + i] !== corner) mixed = true;
  }
  if (!mixed) return corner;

  area.fill(0);
  for (let j = fromY; j < toY; j++) {
    const row = (down.first[y]! + j - fromY) * width + across.first[x]! - fromX;
    for (let i = fromX; i < toX; i++) area[slice[row + i]!]! += across.weights[i]! * down.weights[j]!;
  }
  let best = 0;
  for (let value = 1; value < 256; value++) if (area[value]! > area[best]! - areaTolerance) best = value;
  return best;
}
