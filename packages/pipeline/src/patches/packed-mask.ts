/** A mask of a volume, one bit a voxel, slice by slice. */
export interface PackedMask {
  /** Mask of slice k, 0 or 1, y * width + x; new. */
  slice(k: number): Uint8Array;
}

/** Packs a mask [depth, height, width] of 0 and others. */
export function packMask(mask: Uint8Array, size: readonly [number, number, number]): PackedMask {
  const area = size[0] * size[1];
  const bytesPerSlice = Math.ceil(area / 8);
  const bits = new Uint8Array(bytesPerSlice * size[2]);
  for (let k = 0; k < size[2]; k++) {
    for (let i = 0; i < area; i++) {
      if (mask[k * area + i] !== 0) bits[k * bytesPerSlice + (i >> 3)]! |= 1 << (i & 7);
    }
  }
  return {
    slice: (k) => {
      const out = new Uint8Array(area);
      for (let i = 0; i < area; i++) out[i] = (bits[k * bytesPerSlice + (i >> 3)]! >> (i & 7)) & 1;
      return out;
    },
  };
}

/** The rectangle around everything in a mask [depth, height, width]; undefined when it is empty. */
export function rectangleOfMask(
  slices: Iterable<Uint8Array>,
  width: number,
): { x: number; y: number; width: number; height: number } | undefined {
  let [left, top, right, bottom] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, -1, -1];
  for (const slice of slices) {
    for (let i = 0; i < slice.length; i++) {
      if (slice[i] === 0) continue;
      const x = i % width;
      const y = (i - x) / width;
      if (x < left) left = x;
      if (x > right) right = x;
      if (y < top) top = y;
      if (y > bottom) bottom = y;
    }
  }
  return right < 0 ? undefined : { x: left, y: top, width: right - left + 1, height: bottom - top + 1 };
}
