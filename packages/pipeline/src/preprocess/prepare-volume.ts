import type { Geometry } from '@glisson/imaging/geometry/geometry';
import { type AxisMap, axisMapToLps, reorientVolume } from '@glisson/imaging/process/reorient';
import type { TaskControl } from '@glisson/imaging/progress/progress';
import type { Volume } from '@glisson/imaging/volume/volume';
import { PipelineError } from '../errors/pipeline-error.ts';
import { linearWeights } from './axis-weights.ts';
import { type GridPlan, preparedGeometry } from './prepared-grid.ts';

/** A scan as the network's patches and tiles are cut from it. */
export interface PreparedVolume {
  /** The prepared grid: axes in LPS order, in-plane spacing of the plan, the scan's own slices. */
  readonly geometry: Geometry;
  /** Clipped HU, rounded; x fastest. */
  readonly voxels: Int16Array;
  /** From the scan's own axes to LPS order. */
  readonly axisMap: AxisMap;
  /** The scan's own grid in LPS order, before in-plane resampling. */
  readonly lpsGeometry: Geometry;
}

/** The part of the plan that decides about prepared voxels. */
export interface PreparePlan extends GridPlan {
  readonly windowHU: readonly [number, number];
}

/**
 * Turns a scan into network input: axes into LPS order (lossless), HU clipped to the plan's window, slices
 * resampled to the plan's in-plane spacing (linear, averaged when shrinking). Clipping comes first, so that
 * metal and air do not bleed into soft tissue, and so that scans that were stored clipped give the same result.
 * The slices keep their distance. The input is not changed; the result is new.
 * @throws PipelineError `data-invalid` when a voxel is not a number
 */
export function prepareVolume(volume: Volume, plan: PreparePlan, control: TaskControl = {}): PreparedVolume {
  const axisMap = axisMapToLps(volume.geometry);
  const lps = reorientVolume(volume, axisMap);
  const geometry = preparedGeometry(lps.geometry, plan);
  const [width, height, depth] = lps.geometry.size;
  const [outWidth, outHeight] = geometry.size;
  const across = linearWeights(width, outWidth, geometry.spacing[0] / lps.geometry.spacing[0]);
  const down = linearWeights(height, outHeight, geometry.spacing[1] / lps.geometry.spacing[1]);
  const [low, high] = plan.windowHU;

  const voxels = new Int16Array(outWidth * outHeight * depth);
  const clipped = new Float32Array(width);
  const rows = new Float32Array(outWidth * height);
  const sum = new Float64Array(outWidth);
  for (let k = 0; k < depth; k++) {
    control.signal?.throwIfAborted();
    for (let y = 0; y < height; y++) {
      const source = (k * height + y) * width;
      for (let x = 0; x < width; x++) {
        const value = lps.voxels[source + x]!;
        if (Number.isNaN(value)) throw notANumber(x, y, k);
        clipped[x] = Math.min(Math.max(value, low), high);
      }
      for (let x = 0; x < outWidth; x++) {
        const from = across.start[x]!;
        const to = across.start[x + 1]!;
        const offset = across.first[x]! - from;
        let total = 0;
        for (let w = from; w < to; w++) total += across.weights[w]! * clipped[offset + w]!;
        rows[y * outWidth + x] = total;
      }
    }
    for (let y = 0; y < outHeight; y++) {
      const from = down.start[y]!;
      const to = down.start[y + 1]!;
      sum.fill(0);
      for (let w = from; w < to; w++) {
        const weight = down.weights[w]!;
        const row = (down.first[y]! + w - from) * outWidth;
        for (let x = 0; x < outWidth; x++) sum[x]! += weight * rows[row + x]!;
      }
      const target = (k * outHeight + y) * outWidth;
      for (let x = 0; x < outWidth; x++) voxels[target + x] = Math.round(sum[x]!);
    }
    control.onProgress?.({ stage: 'prepare', done: k + 1, total: depth, unit: 'slices' });
  }
  return { geometry, voxels, axisMap, lpsGeometry: lps.geometry };
}

function notANumber(x: number, y: number, k: number): PipelineError {
  return new PipelineError('data-invalid', 'The scan holds voxels that are not numbers.', {
    found: `NaN at voxel (${x}, ${y}, ${k}), axes in LPS order`,
    expected: 'a CT number in every voxel',
    advice: 'Replace them in the source, for example by -1024 outside the body.',
  });
}
