import { receptiveFields } from '../analysis/receptive-field.ts';
import { NetworkError } from '../errors/network-error.ts';
import { formatShape, sizeOf, stridesOf } from '../graph/shape.ts';
import { input } from '../graph/tensor.ts';
import { scopeOf } from '../layers/scope.ts';
import type { Network } from '../models/network.ts';
import { type DenseNetworkOptions, denseNetwork } from './dense-network.ts';

export interface DenseTilesOptions {
  /** Spatial size of the whole image, outermost axis first. */
  readonly imageSize: readonly number[];
  readonly patchSize: readonly number[];
  /** Pixels from one window to the next that are wanted. */
  readonly outputStride: number;
  /**
   * Output stride of the dense network; default: the wanted one. Another one takes several passes over the image, each
   * shifted by some pixels, from which the wanted windows are picked: at a wanted stride of 7, 16 passes at stride 4
   * cost less than one pass in which no pooling keeps its stride, and need a fraction of its memory.
   */
  readonly passStride?: number;
  /** Most windows of the network's that a tile gives per axis; default: all. */
  readonly windowsPerTile?: readonly number[];
  /** See `tileContext`. Default: none, which is right for networks without padding. */
  readonly context?: TileContext;
}

/** Pixels before and after a window, per axis, that its score can depend on. */
export interface TileContext {
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/** Where one tile lies, and which of its windows are taken over. */
export interface DenseTile {
  /** First pixel in the image, per axis. */
  readonly begin: readonly number[];
  /** Windows per axis: `from` in the tile's result, `to` in the whole one. */
  readonly windows: readonly (readonly { readonly from: number; readonly to: number }[])[];
}

/** Overlapping tiles of one size whose windows are disjoint, and together all. */
export interface DenseTiles {
  readonly imageSize: readonly number[];
  /** Spatial size of every tile: what the dense network must be exported for. */
  readonly tileSize: readonly number[];
  /** Output stride that the dense network must have. */
  readonly passStride: number;
  /** Windows of the whole image, per axis. */
  readonly positions: readonly number[];
  readonly tiles: readonly DenseTile[];
}

/**
 * Cuts the dense evaluation of an image into tiles that need less memory. With the context of `tileContext`, tiled and
 * untiled scores are the same at the dense network's own stride. At others a pass sees the image's border at its own
 * shift: the same for networks without padding. Throws a `NetworkError` ('value-invalid').
 */
export function denseTiles(options: DenseTilesOptions): DenseTiles {
  const { imageSize, patchSize, outputStride, windowsPerTile, context } = options;
  const passStride = options.passStride ?? outputStride;
  const isCount = (value: number) => Number.isInteger(value) && value > 0;
  if (![outputStride, passStride, ...(windowsPerTile ?? [])].every(isCount)) {
    throw new NetworkError(
      'value-invalid',
      'denseTiles: strides and windows per tile are whole numbers from 1 on',
    );
  }
  if (patchSize.some((length, axis) => !(length <= imageSize[axis]!))) {
    throw new NetworkError(
      'value-invalid',
      `denseTiles: a patch ${formatShape(patchSize)} does not fit into an image ${formatShape(imageSize)}`,
    );
  }
  const axes = imageSize.map((length, axis) =>
    tilesOfAxis({
      length,
      patch: patchSize[axis]!,
      outputStride,
      passStride,
      most: windowsPerTile?.[axis] ?? Number.POSITIVE_INFINITY,
      before: context?.before[axis] ?? 0,
      after: context?.after[axis] ?? 0,
    }),
  );
  const tiles = axes.reduce<DenseTile[]>(
    (some, { parts }) =>
      some.flatMap(({ begin, windows }) =>
        parts.map((part) => ({ begin: [...begin, part.begin], windows: [...windows, part.windows] })),
      ),
    [{ begin: [], windows: [] }],
  );
  return {
    imageSize,
    tileSize: axes.map(({ size }) => size),
    passStride,
    positions: axes.map(({ positions }) => positions),
    tiles,
  };
}

interface AxisOptions {
  readonly length: number;
  readonly patch: number;
  readonly outputStride: number;
  readonly passStride: number;
  readonly most: number;
  readonly before: number;
  readonly after: number;
}

function tilesOfAxis({ length, patch, outputStride, passStride, most, before, after }: AxisOptions) {
  const positions = Math.floor((length - patch) / outputStride) + 1;
  // Windows by how far their first pixel lies behind the last multiple of the pass's stride: one pass for each.
  const passes = groupBy(
    Array.from({ length: positions }, (_, to) => to),
    (to) => (to * outputStride) % passStride,
  );
  const roundUp = (pixels: number) => Math.ceil(pixels / passStride) * passStride;
  const reach = ([shift, wanted]: readonly [number, readonly number[]]) =>
    wanted.at(-1)! * outputStride - shift + patch;
  // All of the image that every pass can see; its last pixels, too, where there is one pass.
  const whole = Math.max(length - Math.max(...passes.keys()), ...[...passes].map(reach));
  const needed = roundUp(before) + (most - 1) * passStride + patch + after;
  const size = needed < whole ? whole - Math.floor((whole - needed) / passStride) * passStride : whole;
  const parts = [...passes].flatMap(([shift, wanted]) => {
    const groups = groupBy(wanted, (to) =>
      size === whole ? 0 : Math.floor((to * outputStride - shift) / passStride / most),
    );
    return [...groups.values()].map((group) => {
      const first = group[0]! * outputStride - shift - roundUp(before);
      const begin = shift + Math.min(Math.max(first, 0), whole - size);
      return {
        begin,
        windows: group.map((to) => ({ from: (to * outputStride - begin) / passStride, to })),
      };
    });
  });
  return { positions, size, parts };
}

function groupBy(values: readonly number[], keyOf: (value: number) => number): Map<number, number[]> {
  const groups = new Map<number, number[]>();
  for (const value of values) {
    const group = groups.get(keyOf(value));
    if (group === undefined) groups.set(keyOf(value), [value]);
    else group.push(value);
  }
  return groups;
}

/**
 * What lies around a window that its dense score depends on: nothing for networks without padding; for others, whose
 * receptive field reaches beyond the patch, the pixels that stand where the patch had zeros.
 */
export function tileContext(network: Network, options: DenseNetworkOptions): TileContext {
  const { patchSize } = options;
  const dense = denseNetwork(network, options);
  const scope = scopeOf({
    parameter: (name, { shape }) => input(name, shape),
    batchNorm: (_, x) => x,
    dropout: (_, x) => x,
  });
  const image = input('image', [1, network.inputChannels, ...patchSize]);
  const logits = dense.forward(scope, image);
  const field = receptiveFields(image, [logits]).get(logits)!;
  return {
    before: field.map(({ start }) => Math.max(0, -start)),
    after: field.map(({ start, size }, axis) => Math.max(0, start + size - patchSize[axis]!)),
  };
}

/** Runs a dense network on one tile [1, C, ...tileSize]: scores [1, classes, ...windows]. */
export type RunTile = (
  pixels: Float32Array,
  dims: readonly number[],
) => Promise<{ readonly data: ArrayLike<number>; readonly dims: readonly number[] }>;

/**
 * Scores [classes, ...positions] of all windows of an image [C, ...imageSize], tile by tile. Beyond the image, which
 * the end of a shifted pass can reach, lie zeros. Tiles that `isWanted` declines are left out, and their windows are 0;
 * where it declines all, the result is empty.
 */
export async function runDenseTiles(
  plan: DenseTiles,
  image: Float32Array,
  run: RunTile,
  isWanted: (tile: DenseTile) => boolean = () => true,
): Promise<Float32Array> {
  const { imageSize, tileSize, positions, tiles } = plan;
  const channels = image.length / sizeOf(imageSize);
  if (!Number.isInteger(channels)) {
    throw new NetworkError(
      'shape-mismatch',
      `runDenseTiles: ${image.length} numbers are no channels of an image ${formatShape(imageSize)}`,
    );
  }
  let scores = new Float32Array(0);
  for (const tile of tiles) {
    if (!isWanted(tile)) continue;
    const { begin, windows } = tile;
    const pixels = cutTile(image, imageSize, begin, tileSize);
    const { data, dims } = await run(pixels, [1, channels, ...tileSize]);
    const classes = dims[1]!;
    if (scores.length === 0) scores = new Float32Array(classes * sizeOf(positions));
    const [fromStrides, toStrides] = [stridesOf(dims.slice(2)), stridesOf(positions)];
    let offsets = [{ from: 0, to: 0 }];
    for (const [axis, places] of windows.entries()) {
      offsets = offsets.flatMap((offset) =>
        places.map(({ from, to }) => ({
          from: offset.from + from * fromStrides[axis]!,
          to: offset.to + to * toStrides[axis]!,
        })),
      );
    }
    const [inTile, inAll] = [sizeOf(dims.slice(2)), sizeOf(positions)];
    for (let k = 0; k < classes; k++) {
      for (const { from, to } of offsets) scores[k * inAll + to] = data[k * inTile + from]!;
    }
  }
  return scores;
}

function cutTile(
  image: Float32Array,
  imageSize: readonly number[],
  begin: readonly number[],
  tileSize: readonly number[],
): Float32Array {
  const channels = image.length / sizeOf(imageSize);
  const out = new Float32Array(channels * sizeOf(tileSize));
  const strides = stridesOf([channels, ...imageSize]);
  const width = Math.min(tileSize.at(-1)!, imageSize.at(-1)! - begin.at(-1)!);
  const rows = [channels, ...tileSize.slice(0, -1)];
  const index = rows.map(() => 0);
  for (let to = 0; to < out.length; to += tileSize.at(-1)!) {
    const place = index.map((at, axis) => (axis === 0 ? at : at + begin[axis - 1]!));
    if (place.every((at, axis) => axis === 0 || at < imageSize[axis - 1]!)) {
      const from = place.reduce((sum, at, axis) => sum + at * strides[axis]!, begin.at(-1)!);
      out.set(image.subarray(from, from + width), to);
    }
    for (let axis = rows.length - 1; axis >= 0; axis--) {
      if (++index[axis]! < rows[axis]!) break;
      index[axis] = 0;
    }
  }
  return out;
}
