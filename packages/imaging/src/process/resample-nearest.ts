import type { Vec3 } from '../geometry/geometry.ts';
import type { TaskControl } from '../progress/progress.ts';
import { type AlignedAxis, alignedAxes, type IndexMap } from './index-map.ts';
import type { VoxelArray } from './voxel-array.ts';

/** Halves are rounded up even when rounding noise puts them a little below. */
const tie = 0.5 + 1e-5;

/**
 * Takes for every target voxel the source voxel whose cell it lies in; on the face between two cells the one
 * of the higher index. Beyond the outermost cells: `outside`. Fills `output` (target order, x fastest).
 */
export function sampleNearest<T extends VoxelArray>(
  source: T,
  sourceSize: Vec3,
  map: IndexMap,
  targetSize: Vec3,
  outside: number,
  output: T,
  control: TaskControl = {},
): void {
  const axes = alignedAxes(map, targetSize);
  if (axes === undefined) sampleObliquely(source, sourceSize, map, targetSize, outside, output, control);
  else sampleAlongAxes(source, sourceSize, axes, targetSize, outside, output, control);
}

function nearestIndex(c: number, length: number): number {
  const i = Math.floor(c + tie);
  // The far face of the last cell belongs to it.
  if (i === length && c <= length - 0.5 + 1e-5) return length - 1;
  return i >= 0 && i < length ? i : -1;
}

function sampleAlongAxes<T extends VoxelArray>(
  source: T,
  sourceSize: Vec3,
  axes: readonly AlignedAxis[],
  targetSize: Vec3,
  outside: number,
  output: T,
  control: TaskControl,
): void {
  const strides = [1, sourceSize[0], sourceSize[0] * sourceSize[1]];
  const [tableX, tableY, tableZ] = axes.map(({ axis, scale, offset }, t) =>
    Int32Array.from({ length: targetSize[t]! }, (_, i) => {
      const index = nearestIndex(scale * i + offset, sourceSize[axis]!);
      return index < 0 ? -1 : index * strides[axis]!;
    }),
  ) as [Int32Array, Int32Array, Int32Array];
  const [width, height, depth] = targetSize;
  let at = 0;
  for (let z = 0; z < depth; z++) {
    control.signal?.throwIfAborted();
    for (let y = 0; y < height; y++) {
      if (tableZ[z]! < 0 || tableY[y]! < 0) {
        output.fill(outside, at, at + width);
        at += width;
        continue;
      }
      const base = tableZ[z]! + tableY[y]!;
      for (let x = 0; x < width; x++) {
        const i = tableX[x]!;
        output[at++] = i < 0 ? outside : source[base + i]!;
      }
    }
    control.onProgress?.({ stage: 'resample', done: z + 1, total: depth, unit: 'slices' });
  }
}

function sampleObliquely<T extends VoxelArray>(
  source: T,
  sourceSize: Vec3,
  { matrix: m, offset }: IndexMap,
  targetSize: Vec3,
  outside: number,
  output: T,
  control: TaskControl,
): void {
  const [width, height, depth] = targetSize;
  const [nx, ny, nz] = sourceSize;
  let at = 0;
  for (let z = 0; z < depth; z++) {
    control.signal?.throwIfAborted();
    for (let y = 0; y < height; y++) {
      const cx = m[1] * y + m[2] * z + offset[0];
      const cy = m[4] * y + m[5] * z + offset[1];
      const cz = m[7] * y + m[8] * z + offset[2];
      for (let x = 0; x < width; x++) {
        const i = nearestIndex(cx + m[0] * x, nx);
        const j = nearestIndex(cy + m[3] * x, ny);
        const k = nearestIndex(cz + m[6] * x, nz);
        output[at++] = i < 0 || j < 0 || k < 0 ? outside : source[i + nx * (j + ny * k)]!;
      }
    }
    control.onProgress?.({ stage: 'resample', done: z + 1, total: depth, unit: 'slices' });
  }
}
