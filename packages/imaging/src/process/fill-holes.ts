import type { Vec3 } from '../geometry/geometry.ts';
import type { Axis } from './index-map.ts';
import { assertMaskFits } from './voxel-array.ts';

/**
 * A new mask (0 or 1) in which holes are filled slice by slice: background that is not joined, over pixel
 * edges, to the border of its slice. Slices are perpendicular to `axis` (default 2).
 * @throws ImagingError `value-invalid` when mask and size do not fit
 */
export function fillHoles(mask: Uint8Array, size: Vec3, axis: Axis = 2): Uint8Array {
  assertMaskFits(mask, size);
  const strides = [1, size[0], size[0] * size[1]];
  const [u, v] = ([0, 1, 2] as const).filter((other) => other !== axis) as [Axis, Axis];
  const filled = new Uint8Array(mask.length);
  const work = floodBuffers(size[u] * size[v]);
  for (let k = 0; k < size[axis]; k++) {
    const slice = {
      start: k * strides[axis]!,
      width: size[u],
      height: size[v],
      stepX: strides[u]!,
      stepY: strides[v]!,
    };
    fillSlice(mask, filled, slice, work);
  }
  return filled;
}

interface StridedSlice {
  readonly start: number;
  readonly width: number;
  readonly height: number;
  readonly stepX: number;
  readonly stepY: number;
}

interface FloodBuffers {
  /** 1 where the outer background has been reached. */
  readonly reached: Uint8Array;
  readonly open: Int32Array;
}

/** Each pixel is opened once, so that the list of open ones never outgrows the slice. */
function floodBuffers(pixels: number): FloodBuffers {
  return { reached: new Uint8Array(pixels), open: new Int32Array(pixels) };
}

function fillSlice(mask: Uint8Array, filled: Uint8Array, slice: StridedSlice, work: FloodBuffers): void {
  const { start, width, height, stepX, stepY } = slice;
  const { reached, open } = work;
  reached.fill(0);
  let top = 0;
  let occupied = false;
  const visit = (x: number, y: number) => {
    const pixel = y * width + x;
    if (reached[pixel] !== 0) return;
    if (mask[start + x * stepX + y * stepY] !== 0) {
      occupied = true;
      return;
    }
    reached[pixel] = 1;
    open[top++] = pixel;
  };
  for (let x = 0; x < width; x++) {
    visit(x, 0);
    visit(x, height - 1);
  }
  for (let y = 0; y < height; y++) {
    visit(0, y);
    visit(width - 1, y);
  }
  while (top > 0) {
    const pixel = open[--top]!;
    const y = Math.floor(pixel / width);
    const x = pixel - y * width;
    if (x > 0) visit(x - 1, y);
    if (x < width - 1) visit(x + 1, y);
    if (y > 0) visit(x, y - 1);
    if (y < height - 1) visit(x, y + 1);
  }
  if (!occupied) return;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (reached[y * width + x] === 0) filled[start + x * stepX + y * stepY] = 1;
    }
  }
}
