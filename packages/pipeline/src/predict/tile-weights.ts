/** Smallest weight, relative to the centre's: no pixel may be left to a division by (nearly) zero. */
const smallestWeight = 1e-4;

/**
 * Weight of each pixel of a tile when overlapping tiles are averaged: a Gaussian about the centre with
 * sigma = tile / 8 (as nnU-Net, Isensee et al. 2021), because a network knows least at the rim of its view.
 * @returns [height, width], in (0, 1], mirror-symmetric
 */
export function tileWeights(tile: readonly [number, number]): Float32Array {
  const [width, height] = tile;
  const across = gaussian(width);
  const down = gaussian(height);
  const weights = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      weights[y * width + x] = Math.max(smallestWeight, down[y]! * across[x]!);
    }
  }
  return weights;
}

function gaussian(length: number): Float64Array {
  const sigma = length / 8;
  const centre = (length - 1) / 2;
  return Float64Array.from({ length }, (_, n) => Math.exp(-0.5 * ((n - centre) / sigma) ** 2));
}
