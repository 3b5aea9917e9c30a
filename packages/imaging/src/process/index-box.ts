import { ImagingError } from '../errors/imaging-error.ts';
import type { Geometry, Vec3 } from '../geometry/geometry.ts';
import { assertMaskFits } from './voxel-array.ts';

/** A block of voxels: `start` is in it, `end` is not. */
export interface IndexBox {
  readonly start: Vec3;
  readonly end: Vec3;
}

/**
 * The smallest box around the non-zero voxels of a mask (x fastest); undefined when there are none.
 * @throws ImagingError `value-invalid` when mask and size do not fit
 */
export function boundingBox(mask: Uint8Array, size: Vec3): IndexBox | undefined {
  assertMaskFits(mask, size);
  const [width, height, depth] = size;
  const start = [width, height, depth] as [number, number, number];
  const end = [0, 0, 0] as [number, number, number];
  for (let z = 0, row = 0; z < depth; z++) {
    for (let y = 0; y < height; y++, row += width) {
      let x = 0;
      while (x < width && mask[row + x] === 0) x++;
      if (x === width) continue;
      let last = width - 1;
      while (mask[row + last] === 0) last--;
      start[0] = Math.min(start[0], x);
      end[0] = Math.max(end[0], last + 1);
      start[1] = Math.min(start[1], y);
      end[1] = Math.max(end[1], y + 1);
      start[2] = Math.min(start[2], z);
      end[2] = z + 1;
    }
  }
  return end[2] === 0 ? undefined : { start, end };
}

/** The box grown by at least `marginMm` on every side, in whole voxels, and held within the grid. */
export function growBox(box: IndexBox, geometry: Geometry, marginMm: number): IndexBox {
  const margin = geometry.spacing.map((spacing) => Math.ceil(marginMm / spacing - 1e-9));
  return {
    start: box.start.map((v, axis) => Math.max(0, v - margin[axis]!)) as unknown as Vec3,
    end: box.end.map((v, axis) => Math.min(geometry.size[axis]!, v + margin[axis]!)) as unknown as Vec3,
  };
}

/** Voxels along each side of the box. */
export function boxSize(box: IndexBox): Vec3 {
  return [box.end[0] - box.start[0], box.end[1] - box.start[1], box.end[2] - box.start[2]];
}

/** @throws ImagingError `value-invalid` unless the box holds whole voxels of the grid, at least one */
export function assertBoxOnGrid(box: IndexBox, size: Vec3): void {
  const fits = [0, 1, 2].every((axis) => {
    const [from, to] = [box.start[axis]!, box.end[axis]!];
    return Number.isInteger(from) && Number.isInteger(to) && from >= 0 && from < to && to <= size[axis]!;
  });
  if (fits) return;
  throw new ImagingError('value-invalid', 'The box does not lie on the grid.', {
    found: `${box.start.join(', ')} up to ${box.end.join(', ')}`,
    expected: `a box of at least one voxel within ${size.join(' x ')}`,
  });
}
