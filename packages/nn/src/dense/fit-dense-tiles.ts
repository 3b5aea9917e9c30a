import { multiplyAdds } from '../analysis/multiply-adds.ts';
import { peakBytes } from '../analysis/peak-memory.ts';
import { input, type Tensor } from '../graph/tensor.ts';
import { scopeOf } from '../layers/scope.ts';
import type { Network } from '../models/network.ts';
import { denseNetwork } from './dense-network.ts';
import { type DenseTiles, type DenseTilesOptions, denseTiles, tileContext } from './dense-tiles.ts';

export interface FitDenseTilesOptions extends Omit<DenseTilesOptions, 'windowsPerTile' | 'context'> {
  /** What the values of one pass may take at once; weights and the engine's own needs come on top. */
  readonly mostBytes: number;
}

/** Output strides of passes that are tried besides the wanted one; networks halve, and few do so more often. */
const passStrides = [1, 2, 4, 8, 16, 32];

/**
 * Tiles for the dense evaluation of a classifier that fit into a number of bytes, with the fewest multiply-adds of all tiles
 * together. Without a `passStride`, the wanted stride is tried and the powers of two. At a wanted stride of 7, where no
 * pooling keeps its stride in a single pass, it depends on how much of the image fits; and where a network pads, so
 * that every tile needs much context, passes at a larger stride can be cheaper than small tiles. When nothing fits, the
 * choice that needs least. Throws as `denseTiles` and `denseNetwork`.
 */
export function fitDenseTiles(network: Network, { mostBytes, ...windows }: FitDenseTilesOptions): DenseTiles {
  const { outputStride, passStride, imageSize } = windows;
  const strides = passStride === undefined ? new Set([outputStride, ...passStrides]) : [passStride];
  const whole = imageSize.map(() => 1);
  const wanted = divide(network, windows, passStride ?? outputStride, whole);
  // One pass in which poolings keep their strides: nothing is cheaper.
  if (passStrides.includes(wanted.passStride) && wanted.bytes <= mostBytes) return wanted.tiles;
  let open = [...strides].map((stride) => divide(network, windows, stride, whole));
  let least = wanted;
  while (open.length > 0) {
    // The cheapest is divided until it fits or another one is cheaper: dividing costs, as tiles overlap.
    const best = open.reduce((a, b) => (b.multiplyAdds < a.multiplyAdds ? b : a));
    if (best.bytes <= mostBytes) return best.tiles;
    if (best.bytes < least.bytes) least = best;
    const { next, passStride: stride } = best;
    open = open.flatMap((one) => {
      if (one !== best) return [one];
      return next === undefined ? [] : [divide(network, windows, stride, next)];
    });
  }
  return least.tiles;
}

interface Division {
  readonly passStride: number;
  readonly tiles: DenseTiles;
  readonly bytes: number;
  readonly multiplyAdds: number;
  /** Parts per axis of the next finer division; undefined where tiles are single windows. */
  readonly next: readonly number[] | undefined;
}

function divide(
  network: Network,
  windows: Omit<FitDenseTilesOptions, 'mostBytes'>,
  passStride: number,
  parts: readonly number[],
): Division {
  const { patchSize, imageSize } = windows;
  const most = imageSize.map((length, axis) => {
    const windows = Math.floor((length - patchSize[axis]!) / passStride) + 1;
    return Math.ceil(windows / parts[axis]!);
  });
  const tiles = denseTiles({
    ...windows,
    passStride,
    // An axis in one part has no most: the end of a shifted pass may reach beyond the last window.
    windowsPerTile: most.map((count, axis) => (parts[axis] === 1 ? Number.MAX_SAFE_INTEGER : count)),
    context: tileContext(network, { patchSize, outputStride: passStride }),
  });
  const { image, logits } = denseGraph(network, patchSize, passStride, tiles.tileSize);
  const longest = most.indexOf(Math.max(...most));
  return {
    passStride,
    tiles,
    bytes: peakBytes([logits], image),
    multiplyAdds: tiles.tiles.length * multiplyAdds([logits]),
    next: most[longest] === 1 ? undefined : parts.with(longest, parts[longest]! + 1),
  };
}

function denseGraph(
  network: Network,
  patchSize: readonly number[],
  outputStride: number,
  size: readonly number[],
): { readonly image: Tensor; readonly logits: Tensor } {
  const scope = scopeOf({
    parameter: (name, { shape }) => input(name, shape),
    batchNorm: (_, x) => x,
    dropout: (_, x) => x,
  });
  const image = input('image', [1, network.inputChannels, ...size]);
  return { image, logits: denseNetwork(network, { patchSize, outputStride }).forward(scope, image) };
}
