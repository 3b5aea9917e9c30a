import { PipelineError } from '../errors/pipeline-error.ts';
import type { PatchPlan } from '../plan/patch-plan.ts';

/**
 * Windows on a slice: window (i, j) is centred on pixel (i * stride, j * stride), and its score belongs to that pixel.
 * Where the padding is less than half a patch, those too near to the border do not exist.
 */
export interface WindowGrid {
  readonly stride: number;
  /** Odd; the middle is at index `half`. */
  readonly patchSize: number;
  readonly half: number;
  /** Number of i and of j: those that do not exist are counted, too. */
  readonly columns: number;
  readonly rows: number;
  /** Pixels [first, last] of an axis that windows may be centred on. */
  readonly centresX: readonly [number, number];
  readonly centresY: readonly [number, number];
}

/**
 * The windows of a slice of a size.
 * @param where what an error names
 * @throws PipelineError `option-invalid` when not one patch fits into the padded slice
 */
export function windowGrid(
  size: { readonly width: number; readonly height: number },
  patchSize: number,
  stride: number,
  paddingPixels: number,
  where?: string,
): WindowGrid {
  const half = (patchSize - 1) / 2;
  const cut = Math.max(0, half - paddingPixels);
  const centresX = [cut, size.width - 1 - cut] as const;
  const centresY = [cut, size.height - 1 - cut] as const;
  if (centresX[1] < centresX[0] || centresY[1] < centresY[0]) {
    const padded = [size.width, size.height].map((length) => length + 2 * paddingPixels);
    throw new PipelineError('option-invalid', 'A patch is larger than the padded slice.', {
      where,
      found: `patches of ${patchSize} x ${patchSize} pixels, slices of ${padded.join(' x ')} with ${paddingPixels} pixels of padding on all sides`,
      expected: 'slices that are at least as large as a patch',
      advice: `Set preprocess.padding.pixels=${half}, so that every pixel can be the middle of a patch, or a smaller training.patchSize.`,
    });
  }
  return {
    stride,
    patchSize,
    half,
    columns: Math.floor((size.width - 1) / stride) + 1,
    rows: Math.floor((size.height - 1) / stride) + 1,
    centresX,
    centresY,
  };
}

/** The windows of a scan by the plan, for prediction. */
export function plannedWindows(
  crop: { readonly width: number; readonly height: number },
  { training, inference, preprocess }: Pick<PatchPlan, 'training' | 'inference' | 'preprocess'>,
  where?: string,
): WindowGrid {
  return windowGrid(crop, training.patchSize, inference.outputStride, preprocess.padding.pixels, where);
}

/**
 * The windows whose scores the pixels of a mask need: their own, and those that it is interpolated from.
 * @param mask [height, width]
 * @returns [rows, columns], 0 or 1
 */
export function windowsOfMask(mask: Uint8Array, width: number, grid: WindowGrid): Uint8Array {
  const { stride, columns, rows, centresX, centresY } = grid;
  const wanted = new Uint8Array(rows * columns);
  for (let i = 0; i < mask.length; i++) {
    if (mask[i] === 0) continue;
    const x = i % width;
    const y = (i - x) / width;
    const [left, top] = [Math.floor(x / stride), Math.floor(y / stride)];
    const right = Math.min(columns - 1, Math.ceil(x / stride));
    const bottom = Math.min(rows - 1, Math.ceil(y / stride));
    wanted[top * columns + left] = 1;
    wanted[top * columns + right] = 1;
    wanted[bottom * columns + left] = 1;
    wanted[bottom * columns + right] = 1;
  }
  for (let j = 0; j < rows; j++) {
    for (let i = 0; i < columns; i++) {
      const exists = isWithin(i * stride, centresX) && isWithin(j * stride, centresY);
      if (!exists) wanted[j * columns + i] = 0;
    }
  }
  return wanted;
}

function isWithin(value: number, [first, last]: readonly [number, number]): boolean {
  return value >= first && value <= last;
}
