import type { NodeRange } from './tubes.ts';

/** A pixel plane with a coarser node plane over it: node (a, b) lies on pixel (a * stride, b * stride). */
export interface LayerGrid {
  readonly columns: number;
  readonly rows: number;
  readonly stride: number;
  readonly nodeColumns: number;
  readonly nodeRows: number;
}

/** The smallest node plane that covers all pixels. */
export function createLayerGrid(columns: number, rows: number, stride: number): LayerGrid {
  return {
    columns,
    rows,
    stride,
    nodeColumns: Math.ceil((columns - 1) / stride) + 1,
    nodeRows: Math.ceil((rows - 1) / stride) + 1,
  };
}

/**
 * Paints one organ over `hu`: coverage is `0.5 - distance / edge` clamped to 0..1, the distance interpolated
 * bilinearly between nodes. Cells wholly outside are skipped, cells wholly inside filled.
 * @param distance signed distance at the nodes, mm, negative inside
 * @param edge width of the soft edge, mm
 * @param grain texture plane, added `grainAmount` times
 * @param hiddenBy distances of an organ that will be painted over this one: cells wholly inside it are skipped
 * @param share when given, gets the coverage (untouched pixels keep their value)
 */
export function paintNodes(
  grid: LayerGrid,
  distance: Float32Array,
  edge: number,
  value: number,
  grain: Float32Array,
  grainAmount: number,
  hu: Float32Array,
  share?: Float32Array,
  hiddenBy?: Float32Array,
): void {
  const { columns, rows, stride, nodeColumns, nodeRows } = grid;
  const half = edge / 2;
  const inverseEdge = 1 / edge;
  const inverseStride = 1 / stride;
  for (let b = 0; b < nodeRows - 1; b++) {
    const j0 = b * stride;
    const j1 = Math.min(b === nodeRows - 2 ? rows : j0 + stride, rows);
    for (let a = 0; a < nodeColumns - 1; a++) {
      const n = b * nodeColumns + a;
      const d00 = distance[n]!;
      const d10 = distance[n + 1]!;
      const d01 = distance[n + nodeColumns]!;
      const d11 = distance[n + nodeColumns + 1]!;
      if (d00 >= half && d10 >= half && d01 >= half && d11 >= half) continue;
      if (
        hiddenBy !== undefined &&
        hiddenBy[n]! <= -half &&
        hiddenBy[n + 1]! <= -half &&
        hiddenBy[n + nodeColumns]! <= -half &&
        hiddenBy[n + nodeColumns + 1]! <= -half
      ) {
        continue;
      }
      const full = d00 <= -half && d10 <= -half && d01 <= -half && d11 <= -half;
      const i0 = a * stride;
      const i1 = Math.min(a === nodeColumns - 2 ? columns : i0 + stride, columns);
      for (let j = j0; j < j1; j++) {
        const line = j * columns;
        if (full) {
          for (let i = line + i0; i < line + i1; i++) {
            hu[i] = value + grainAmount * grain[i]!;
            if (share !== undefined) share[i] = 1;
          }
          continue;
        }
        const v = (j - j0) * inverseStride;
        const left = d00 + v * (d01 - d00);
        const slope = (d10 + v * (d11 - d10) - left) * inverseStride;
        for (let i = i0; i < i1; i++) {
          const cover = 0.5 - (left + slope * (i - i0)) * inverseEdge;
          if (cover <= 0) continue;
          const at = line + i;
          const alpha = Math.min(cover, 1);
          hu[at]! += alpha * (value + grainAmount * grain[at]! - hu[at]!);
          if (share !== undefined) share[at] = alpha;
        }
      }
    }
  }
}

/**
 * Paints a distance known at every pixel of `range` over `hu`, then resets it to `reset`.
 * @param within when given, coverage is multiplied by it
 * @param coreValue value deeper than `coreDepth` mm (marrow under cortical bone)
 */
export function paintPixels(
  columns: number,
  range: NodeRange,
  distance: Float32Array,
  edge: number,
  value: number,
  hu: Float32Array,
  reset: number,
  within?: Float32Array,
  coreValue = value,
  coreDepth = 0,
): void {
  const inverseEdge = 1 / edge;
  for (let j = range.j0; j <= range.j1; j++) {
    for (let i = j * columns + range.i0; i <= j * columns + range.i1; i++) {
      const d = distance[i]!;
      if (d >= reset) continue;
      distance[i] = reset;
      let cover = 0.5 - d * inverseEdge;
      if (cover <= 0) continue;
      if (cover > 1) cover = 1;
      let core = 0.5 - (d + coreDepth) * inverseEdge;
      core = core < 0 ? 0 : Math.min(core, 1);
      if (within !== undefined) cover *= within[i]!;
      hu[i]! += cover * (value + core * (coreValue - value) - hu[i]!);
    }
  }
}
