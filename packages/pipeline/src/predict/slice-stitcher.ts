import type { TileGrid } from './tile-grid.ts';
import { tileWeights } from './tile-weights.ts';

/** Probabilities of one slice [height, width]; only what the labels need is kept of the classes. */
export interface SliceProbabilities {
  /** p(liver) + p(lesion) */
  readonly liver: Float32Array;
  readonly lesion: Float32Array;
}

/** Which outputs of the network mean what: indices of its class axis. */
export interface ClassIndices {
  readonly classes: number;
  readonly liver: number;
  readonly lesion: number;
}

/** Cuts slices into tiles and puts the tiles' probabilities together again. */
export interface SliceStitcher {
  /**
   * Copies tile `index` of a slice's channels [channels, height, width] to `out` at `offset`, as
   * [channels, tile height, tile width]; pixels outside the slice get their channel's `padding`; `mirrored` flips x.
   */
  cut(
    slice: Float32Array,
    index: number,
    mirrored: boolean,
    padding: readonly number[],
    out: Float32Array,
    offset: number,
  ): void;
  /** Adds the weighted class probabilities [classes, tile height, tile width] of a tile to a slice's sums. */
  add(
    sums: SliceProbabilities,
    index: number,
    mirrored: boolean,
    probabilities: Float32Array,
    offset: number,
  ): void;
  /** Divides the sums by the weights, in place; pixels that no tile covers become 0. */
  finish(sums: SliceProbabilities): void;
  /** Empty sums of a slice. */
  begin(): SliceProbabilities;
}

/**
 * Makes the stitcher of slices of one size. All slices share the tile grid, so weights are summed once.
 * @param slice [width, height] in pixels
 * @param passes how often each tile is added: 2 with the mirrored pass
 */
export function createSliceStitcher(
  slice: readonly [number, number],
  grid: TileGrid,
  classes: ClassIndices,
  passes: number,
): SliceStitcher {
  const [width, height] = slice;
  const [tileWidth, tileHeight] = grid.tile;
  const tileArea = tileWidth * tileHeight;
  const weights = tileWeights(grid.tile);
  const windows = grid.positions.map(([x, y]) => ({
    x,
    y,
    firstX: Math.max(0, -x),
    endX: Math.min(tileWidth, width - x),
    firstY: Math.max(0, -y),
    endY: Math.min(tileHeight, height - y),
  }));
  const inverse = new Float32Array(width * height);
  for (const w of windows) {
    for (let ty = w.firstY; ty < w.endY; ty++) {
      for (let tx = w.firstX; tx < w.endX; tx++) {
        inverse[(w.y + ty) * width + w.x + tx]! += weights[ty * tileWidth + tx]!;
      }
    }
  }
  for (let i = 0; i < inverse.length; i++) inverse[i] = inverse[i]! > 0 ? 1 / (passes * inverse[i]!) : 0;

  return {
    begin: () => ({
      liver: new Float32Array(width * height),
      lesion: new Float32Array(width * height),
    }),
    cut(source, index, mirrored, padding, out, offset) {
      const w = windows[index]!;
      const channels = source.length / (width * height);
      const isCovered = w.endX - w.firstX === tileWidth && w.endY - w.firstY === tileHeight;
      for (let c = 0; c < channels; c++) {
        if (!isCovered) out.fill(padding[c]!, offset + c * tileArea, offset + (c + 1) * tileArea);
        for (let ty = w.firstY; ty < w.endY; ty++) {
          const from = (c * height + w.y + ty) * width + w.x;
          const to = offset + c * tileArea + ty * tileWidth;
          if (mirrored) {
            for (let tx = w.firstX; tx < w.endX; tx++) out[to + tileWidth - 1 - tx] = source[from + tx]!;
          } else {
            out.set(source.subarray(from + w.firstX, from + w.endX), to + w.firstX);
          }
        }
      }
    },
    add(sums, index, mirrored, probabilities, offset) {
      const w = windows[index]!;
      const liverAt = offset + classes.liver * tileArea;
      const lesionAt = offset + classes.lesion * tileArea;
      for (let ty = w.firstY; ty < w.endY; ty++) {
        const row = ty * tileWidth;
        const to = (w.y + ty) * width + w.x;
        for (let tx = w.firstX; tx < w.endX; tx++) {
          const weight = weights[row + tx]!;
          const at = row + (mirrored ? tileWidth - 1 - tx : tx);
          const lesion = weight * probabilities[lesionAt + at]!;
          sums.lesion[to + tx]! += lesion;
          sums.liver[to + tx]! += lesion + weight * probabilities[liverAt + at]!;
        }
      }
    },
    finish(sums) {
      for (let i = 0; i < inverse.length; i++) {
        sums.liver[i]! *= inverse[i]!;
        sums.lesion[i]! *= inverse[i]!;
      }
    },
  };
}
