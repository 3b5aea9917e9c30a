/**
 * How a patch lies in its slice: patch pixel (u, v), counted from the patch's centre, is at
 * x = centre[0] + xu * u + xv * v, y = centre[1] + yu * u + yv * v.
 */
export interface PatchTransform {
  readonly centre: readonly [number, number];
  readonly xu: number;
  readonly xv: number;
  readonly yu: number;
  readonly yv: number;
}

/**
 * Rotates by `degrees` (from x toward y), zooms and mirrors in millimetres, so that pixels that are not square keep
 * the shape of what they show.
 * @param zoom above 1 shows things larger
 */
export function patchTransform(
  centre: readonly [number, number],
  spacingMm: readonly [number, number],
  degrees = 0,
  zoom = 1,
  flip: readonly [boolean, boolean] = [false, false],
): PatchTransform {
  const quarter = degrees % 90 === 0 ? (((degrees / 90) % 4) + 4) % 4 : undefined;
  const cos = quarter === undefined ? Math.cos((degrees * Math.PI) / 180) : [1, 0, -1, 0][quarter]!;
  const sin = quarter === undefined ? Math.sin((degrees * Math.PI) / 180) : [0, 1, 0, -1][quarter]!;
  const u = (flip[0] ? -1 : 1) / zoom;
  const v = (flip[1] ? -1 : 1) / zoom;
  const ratio = spacingMm[1] / spacingMm[0];
  return { centre, xu: cos * u, xv: -sin * v * ratio, yu: (sin * u) / ratio, yv: cos * v };
}

/** Linear interpolation of a slice at the pixels of a patch, into `out` from `offset` on; `outside` beyond the edge. */
export function sampleImagePatch(
  slice: Int16Array,
  sliceSize: readonly [number, number],
  transform: PatchTransform,
  patchSize: readonly [number, number],
  outside: number,
  out: Float32Array,
  offset: number,
): void {
  const [width, height] = sliceSize;
  const { centre, xu, xv, yu, yv } = transform;
  for (let row = 0; row < patchSize[1]; row++) {
    const v = row - (patchSize[1] - 1) / 2;
    for (let column = 0; column < patchSize[0]; column++) {
      const u = column - (patchSize[0] - 1) / 2;
      const x = centre[0] + xu * u + xv * v;
      const y = centre[1] + yu * u + yv * v;
      const x0 = Math.floor(x);
      const y0 = Math.floor(y);
      const fx = x - x0;
      const fy = y - y0;
      let value: number;
      if (x0 >= 0 && y0 >= 0 && x0 < width - 1 && y0 < height - 1) {
        const i = y0 * width + x0;
        const top = slice[i]! + fx * (slice[i + 1]! - slice[i]!);
        const bottom = slice[i + width]! + fx * (slice[i + width + 1]! - slice[i + width]!);
        value = top + fy * (bottom - top);
      } else {
        const at = (i: number, j: number) =>
          i >= 0 && j >= 0 && i < width && j < height ? slice[j * width + i]! : outside;
        const top = fx === 0 ? at(x0, y0) : at(x0, y0) * (1 - fx) + at(x0 + 1, y0) * fx;
        if (fy === 0) value = top;
        else {
          const bottom = fx === 0 ? at(x0, y0 + 1) : at(x0, y0 + 1) * (1 - fx) + at(x0 + 1, y0 + 1) * fx;
          value = top * (1 - fy) + bottom * fy;
        }
      }
      out[offset++] = value;
    }
  }
}

/** Nearest label at the pixels of a patch, into `out` from `offset` on; background beyond the edge. */
export function sampleLabelPatch(
  slice: Uint8Array,
  sliceSize: readonly [number, number],
  transform: PatchTransform,
  patchSize: readonly [number, number],
  out: Uint8Array,
  offset: number,
): void {
  const [width, height] = sliceSize;
  const { centre, xu, xv, yu, yv } = transform;
  for (let row = 0; row < patchSize[1]; row++) {
    const v = row - (patchSize[1] - 1) / 2;
    for (let column = 0; column < patchSize[0]; column++) {
      const u = column - (patchSize[0] - 1) / 2;
      const x = Math.round(centre[0] + xu * u + xv * v);
      const y = Math.round(centre[1] + yu * u + yv * v);
      out[offset++] = x >= 0 && y >= 0 && x < width && y < height ? slice[y * width + x]! : 0;
    }
  }
}
