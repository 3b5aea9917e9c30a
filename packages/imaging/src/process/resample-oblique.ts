import type { Vec3 } from '../geometry/geometry.ts';
import type { TaskControl } from '../progress/progress.ts';
import type { VolumeVoxels } from '../volume/volume.ts';
import { coordinateOnAxis, cubicWeights, mirror } from './axis-rows.ts';
import type { IndexMap } from './index-map.ts';

/** Reads a voxel grid at a continuous index that lies on it. */
type PointSampler = (x: number, y: number, z: number) => number;

/**
 * Interpolates a grid at the points of another one that lies in any direction to it, point by point.
 * `source` is prefiltered already (see `prefilterRows`). `write` gets each target slice and its number; the buffer is
 * reused afterwards.
 */
export function sampleOblique(
  source: VolumeVoxels,
  sourceSize: Vec3,
  { matrix: m, offset }: IndexMap,
  targetSize: Vec3,
  method: 'linear' | 'cubic',
  outside: number,
  write: (k: number, values: Float32Array) => void,
  control: TaskControl = {},
): void {
  const sample = method === 'linear' ? linearSampler(source, sourceSize) : cubicSampler(source, sourceSize);
  const [width, height, depth] = targetSize;
  const [nx, ny, nz] = sourceSize;
  const values = new Float32Array(width * height);
  for (let z = 0; z < depth; z++) {
    control.signal?.throwIfAborted();
    let at = 0;
    for (let y = 0; y < height; y++) {
      const startX = m[1] * y + m[2] * z + offset[0];
      const startY = m[4] * y + m[5] * z + offset[1];
      const startZ = m[7] * y + m[8] * z + offset[2];
      for (let x = 0; x < width; x++) {
        const cx = coordinateOnAxis(startX + m[0] * x, nx);
        const cy = coordinateOnAxis(startY + m[3] * x, ny);
        const cz = coordinateOnAxis(startZ + m[6] * x, nz);
        const inside = cx >= 0 && cy >= 0 && cz >= 0;
        values[at++] = inside ? sample(cx, cy, cz) : outside;
      }
    }
    write(z, values);
    control.onProgress?.({ stage: 'resample', done: z + 1, total: depth, unit: 'slices' });
  }
}

function linearSampler(source: VolumeVoxels, [nx, ny]: Vec3): PointSampler {
  const plane = nx * ny;
  return (x, y, z) => {
    const i = Math.floor(x);
    const j = Math.floor(y);
    const k = Math.floor(z);
    const fx = x - i;
    const fy = y - j;
    const fz = z - k;
    // A neighbour of weight zero is not read: it may lie beyond the grid, or be NaN.
    const dx = fx === 0 ? 0 : 1;
    const dy = fy === 0 ? 0 : nx;
    const dz = fz === 0 ? 0 : plane;
    const at = i + nx * j + plane * k;
    const a = source[at]! * (1 - fx) + source[at + dx]! * fx;
    const b = source[at + dy]! * (1 - fx) + source[at + dy + dx]! * fx;
    const c = source[at + dz]! * (1 - fx) + source[at + dz + dx]! * fx;
    const d = source[at + dz + dy]! * (1 - fx) + source[at + dz + dy + dx]! * fx;
    return (a * (1 - fy) + b * fy) * (1 - fz) + (c * (1 - fy) + d * fy) * fz;
  };
}

function cubicSampler(coefficients: VolumeVoxels, [nx, ny, nz]: Vec3): PointSampler {
  const indexX = new Int32Array(4);
  return (x, y, z) => {
    const i = Math.floor(x);
    const j = Math.floor(y);
    const k = Math.floor(z);
    const [wx0, wx1, wx2, wx3] = cubicWeights(x - i);
    const wy = cubicWeights(y - j);
    const wz = cubicWeights(z - k);
    for (let t = 0; t < 4; t++) indexX[t] = mirror(i - 1 + t, nx);
    let sum = 0;
    for (let c = 0; c < 4; c++) {
      const plane = mirror(k - 1 + c, nz) * ny;
      for (let b = 0; b < 4; b++) {
        const row = (plane + mirror(j - 1 + b, ny)) * nx;
        sum +=
          wz[c]! *
          wy[b]! *
          (wx0 * coefficients[row + indexX[0]!]! +
            wx1 * coefficients[row + indexX[1]!]! +
            wx2 * coefficients[row + indexX[2]!]! +
            wx3 * coefficients[row + indexX[3]!]!);
      }
    }
    return sum;
  };
}
