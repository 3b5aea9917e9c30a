/** An image of several channels, [C, height, width]. */
export interface ChannelImage {
  readonly data: Float32Array;
  readonly width: number;
  readonly height: number;
  /** What lies outside. */
  readonly padding: number;
}

/**
 * Copies the rectangle of an image whose first pixel is (left, top), which may lie outside, to `out` from `offset` on:
 * [C, height, width] of the rectangle.
 */
export function cutRectangle(
  image: ChannelImage,
  [left, top]: readonly [number, number],
  [width, height]: readonly [number, number],
  out: Float32Array,
  offset: number,
): void {
  const area = image.width * image.height;
  const channels = image.data.length / area;
  const firstX = Math.max(0, -left);
  const endX = Math.min(width, image.width - left);
  const firstY = Math.max(0, -top);
  const endY = Math.min(height, image.height - top);
  const isCovered = firstX === 0 && firstY === 0 && endX === width && endY === height;
  if (!isCovered) out.fill(image.padding, offset, offset + channels * width * height);
  for (let c = 0; c < channels; c++) {
    for (let y = firstY; y < endY; y++) {
      const from = c * area + (top + y) * image.width + left;
      const to = offset + (c * height + y) * width;
      for (let x = firstX; x < endX; x++) out[to + x] = image.data[from + x]!;
    }
  }
}

/** The patch of odd size whose middle, index (size - 1) / 2, is pixel (x, y): as `cutRectangle`. */
export function cutPatch(
  image: ChannelImage,
  [x, y]: readonly [number, number],
  size: number,
  out: Float32Array,
  offset: number,
): void {
  const half = (size - 1) / 2;
  cutRectangle(image, [x - half, y - half], [size, size], out, offset);
}
