import type { WindowGrid } from '../../patches/window-grid.ts';

/**
 * Scores of windows as an image of all pixels: each takes the score of the nearest window centre, or is interpolated
 * between the four around it. Beyond the last centre of an axis that one counts.
 * @param scores [rows, columns] of the grid
 * @returns [height, width]
 */
export function spreadScores(
  scores: Float32Array,
  { stride, columns, rows }: Pick<WindowGrid, 'stride' | 'columns' | 'rows'>,
  { width, height }: { readonly width: number; readonly height: number },
  interpolation: 'nearest' | 'linear',
): Float32Array {
  if (stride === 1) return scores.slice();
  const out = new Float32Array(width * height);
  const x = placesOf(width, stride, columns);
  const y = placesOf(height, stride, rows);
  for (let v = 0; v < height; v++) {
    const above = y.first[v]! * columns;
    const below = y.second[v]! * columns;
    for (let u = 0; u < width; u++) {
      const [left, right] = [x.first[u]!, x.second[u]!];
      if (interpolation === 'nearest') {
        out[v * width + u] =
          scores[(y.share[v]! >= 0.5 ? below : above) + (x.share[u]! >= 0.5 ? right : left)]!;
        continue;
      }
      const top = scores[above + left]! + x.share[u]! * (scores[above + right]! - scores[above + left]!);
      const bottom = scores[below + left]! + x.share[u]! * (scores[below + right]! - scores[below + left]!);
      out[v * width + u] = top + y.share[v]! * (bottom - top);
    }
  }
  return out;
}

function placesOf(length: number, stride: number, windows: number) {
  const first = new Int32Array(length);
  const second = new Int32Array(length);
  const share = new Float32Array(length);
  for (let i = 0; i < length; i++) {
    const place = Math.min(i / stride, windows - 1);
    first[i] = Math.floor(place);
    second[i] = Math.min(windows - 1, first[i]! + 1);
    share[i] = place - first[i]!;
  }
  return { first, second, share };
}
