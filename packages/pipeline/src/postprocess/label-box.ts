import type { Vec3 } from '@glisson/imaging/geometry/geometry';

/** A box of voxels: first voxel and size. */
export interface VoxelBox {
  readonly first: Vec3;
  readonly size: Vec3;
}

/**
 * Smallest box around all voxels with at least the value `atLeast`; `undefined` when there are none.
 * Work on components stays inside it: a liver fills a small part of a scan.
 */
export function boxOfLabels(voxels: Uint8Array, size: Vec3, atLeast: number): VoxelBox | undefined {
  const [width, height, depth] = size;
  const first: [number, number, number] = [width, height, depth];
  const last: [number, number, number] = [-1, -1, -1];
  let at = 0;
  for (let k = 0; k < depth; k++) {
    for (let j = 0; j < height; j++, at += width) {
      let left = 0;
      while (left < width && voxels[at + left]! < atLeast) left++;
      if (left === width) continue;
      let right = width - 1;
      while (voxels[at + right]! < atLeast) right--;
      first[0] = Math.min(first[0], left);
      last[0] = Math.max(last[0], right);
      first[1] = Math.min(first[1], j);
      last[1] = Math.max(last[1], j);
      first[2] = Math.min(first[2], k);
      last[2] = k;
    }
  }
  if (last[2] < 0) return undefined;
  return { first, size: [last[0] - first[0] + 1, last[1] - first[1] + 1, last[2] - first[2] + 1] };
}

/** Copies a box out of an array of voxels, 1 where the value is at least `atLeast`, else 0. */
export function maskInBox(voxels: Uint8Array, size: Vec3, box: VoxelBox, atLeast: number): Uint8Array {
  const mask = new Uint8Array(box.size[0] * box.size[1] * box.size[2]);
  forEachLine(size, box, (from, to, length) => {
    for (let i = 0; i < length; i++) mask[to + i] = voxels[from + i]! >= atLeast ? 1 : 0;
  });
  return mask;
}

/** Calls back for each line along x of a box: its start in the whole array, its start in the box, its length. */
export function forEachLine(
  size: Vec3,
  box: VoxelBox,
  line: (whole: number, inBox: number, length: number, k: number, j: number) => void,
): void {
  const [x, y, z] = box.first;
  const [width, height, depth] = box.size;
  let inBox = 0;
  for (let k = z; k < z + depth; k++) {
    for (let j = y; j < y + height; j++, inBox += width) {
      line(x + size[0] * (j + size[1] * k), inBox, width, k, j);
    }
  }
}
