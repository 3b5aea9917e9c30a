import { NetworkError } from '../errors/network-error.ts';

/**
 * Values on a coarse grid as an image of all pixels, linear between the pixels on which they are centred and level beyond
 * the first and last of an axis.
 * @param values [...centres' lengths], row-major
 * @param centres per axis, rising; may be fractions and lie outside of the image
 * @param size pixels per axis
 * @returns [...size]
 */
export function spreadMap(
  values: ArrayLike<number>,
  centres: readonly (readonly number[])[],
  size: readonly number[],
): Float32Array {
  const count = centres.reduce((product, { length }) => product * length, 1);
  if (count !== values.length || centres.length !== size.length || count === 0) {
    throw new NetworkError(
      'shape-mismatch',
      `spreadMap: ${values.length} values on ${centres.map(({ length }) => length).join(' x ')} centres for ${size.join(' x ')} pixels`,
    );
  }
  let result = Float64Array.from(values);
  let lengths = centres.map(({ length }) => length);
  for (const [axis, places] of centres.entries()) {
    const inner = lengths.slice(axis + 1).reduce((product, length) => product * length, 1);
    const outer = lengths.slice(0, axis).reduce((product, length) => product * length, 1);
    const next = new Float64Array(outer * size[axis]! * inner);
    for (let pixel = 0, left = 0; pixel < size[axis]!; pixel++) {
      while (left + 1 < places.length - 1 && places[left + 1]! <= pixel) left++;
      const right = Math.min(left + 1, places.length - 1);
      const gap = places[right]! - places[left]!;
      const share = gap > 0 ? Math.min(1, Math.max(0, (pixel - places[left]!) / gap)) : 0;
      for (let o = 0; o < outer; o++) {
        const [a, b] = [(o * places.length + left) * inner, (o * places.length + right) * inner];
        for (let i = 0; i < inner; i++) {
          next[(o * size[axis]! + pixel) * inner + i] = (1 - share) * result[a + i]! + share * result[b + i]!;
        }
      }
    }
    result = next;
    lengths = lengths.with(axis, size[axis]!);
  }
  return Float32Array.from(result);
}
