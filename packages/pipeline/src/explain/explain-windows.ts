import { bodyMask } from '@glisson/imaging/process/body-mask';
import type { Window } from '@glisson/imaging/process/window';
import { windowToBytes } from '@glisson/imaging/process/window';
import type { Labelmap } from '@glisson/imaging/volume/labelmap';
import type { Volume } from '@glisson/imaging/volume/volume';
import { PipelineError } from '../errors/pipeline-error.ts';
import { sliceIndex, sliceNumber } from '../measure/slice-number.ts';
import { createSliceView, type SliceView } from '../report/slice-view.ts';
import { type BlockShares, blockShares, blocksOf } from './block-shares.ts';
import { type ExampleWindow, exampleWindows, windowsAt } from './example-windows.ts';

export interface ExplainWindowsOptions {
  /** Slice number, from 1 at the lowest; default: the one with the most lesion, liver or, without labels, the middle one. */
  readonly slice?: number;
  readonly rows: number;
  readonly columns: number;
  /** Odd side of a patch in pixels. */
  readonly patch: number;
  readonly stride: number;
  /** HU that are black and white. */
  readonly windowHU: Window;
  /** HU around the slice. */
  readonly paddingHU: number;
}

/** What the lesion probability and the mask of the slice are, in the view's order, if a model was asked. */
export interface SliceJudgement {
  /** 0 to 1. */
  readonly probability: Float32Array;
  /** 0, 1 liver, 2 lesion. */
  readonly labels: Uint8Array;
  /** Probability from which a pixel is lesion. */
  readonly threshold: number;
}

/** A slice as a sliding window sees it; pictures are [height, width] in the radiological view. */
export interface WindowsExplanation {
  readonly slice: number;
  readonly view: SliceView;
  readonly options: ExplainWindowsOptions;
  readonly grey: Uint8Array;
  readonly padding: number;
  readonly body: Uint8Array;
  readonly labels: Uint8Array | undefined;
  readonly blocks: readonly BlockShares[];
  readonly windows: readonly ExampleWindow[];
  readonly examples: readonly ExampleWindow[];
  /** Middle of the window that is drawn, and of the close-up: a lesion, else liver, else the middle of the body. */
  readonly focus: { readonly x: number; readonly y: number };
}

const exampleCount = 8;

/**
 * Cuts a slice into blocks and windows.
 * @param labels on the grid of the volume
 * @throws PipelineError `option-invalid` for a slice that is not there, an even patch, or more blocks than pixels
 */
export function explainWindows(
  volume: Volume,
  labels: Labelmap | undefined,
  options: ExplainWindowsOptions,
): WindowsExplanation {
  const { geometry } = volume;
  const depth = geometry.size[2];
  const { rows, columns, patch, stride, windowHU, paddingHU } = options;
  const slice = options.slice ?? chooseSlice(labels, volume);
  const view = createSliceView(geometry);
  const { width, height } = view;
  if (slice < 1 || slice > depth) {
    throw new PipelineError('option-invalid', 'The scan has no such slice.', {
      found: `slice ${slice}`,
      expected: `1 to ${depth}`,
    });
  }
  if (patch % 2 === 0) {
    throw new PipelineError('option-invalid', 'A patch needs a pixel in its middle, whose label it has.', {
      found: `patches of ${patch} x ${patch} pixels`,
      expected: 'an odd side, 257 for example',
    });
  }
  if (rows > height || columns > width) {
    throw new PipelineError('option-invalid', 'There are more blocks than pixels.', {
      found: `${rows} x ${columns} blocks of a slice of ${height} x ${width} pixels`,
      expected: 'a few rows and columns, 4x4 for example',
    });
  }
  const k = sliceIndex(geometry, slice);
  const area = geometry.size[0] * geometry.size[1];
  const cut = <T extends Uint8Array>(voxels: T) => view.turn(voxels.subarray(k * area, (k + 1) * area));
  const body = cut(bodyMask(volume, { thresholdHU: bodyThreshold(volume) }));
  const inView = labels && cut(labels.voxels);
  const windows = windowsAt(stride, width, height, body, inView);
  const examples = exampleWindows(windows, exampleCount);
  return {
    slice,
    view,
    options,
    grey: view.turn(windowToBytes(volume.voxels.subarray(k * area, (k + 1) * area), windowHU)),
    padding: windowToBytes(Float32Array.of(paddingHU), windowHU)[0]!,
    body,
    labels: inView,
    blocks: blockShares(blocksOf(width, height, rows, columns), width, body, inView),
    windows,
    examples,
    focus: focusOf(windows, examples),
  };
}

function focusOf(
  windows: readonly ExampleWindow[],
  [first]: readonly ExampleWindow[],
): { readonly x: number; readonly y: number } {
  if (first?.tissue === 'lesion' || first?.tissue === 'liver') return first;
  const body = windows.filter(({ tissue }) => tissue !== 'outside');
  const some = body.length > 0 ? body : windows;
  const mean = (of: (window: ExampleWindow) => number) =>
    some.reduce((sum, window) => sum + of(window), 0) / some.length;
  const [x, y] = [mean((window) => window.x), mean((window) => window.y)];
  const distance = (window: ExampleWindow) => Math.hypot(window.x - x, window.y - y);
  return some.reduce((near, one) => (distance(one) < distance(near) ? one : near));
}

/** Air is far below -500 HU, unless the scan was clipped above that: then it is what lies lowest. */
function bodyThreshold({ voxels }: Volume): number {
  let lowest = Number.POSITIVE_INFINITY;
  for (const value of voxels) if (value < lowest) lowest = value;
  return Math.max(-500, lowest);
}

function chooseSlice(labels: Labelmap | undefined, { geometry }: Volume): number {
  const middle = sliceNumber(geometry, geometry.size[2] >> 1);
  if (labels === undefined) return middle;
  const area = geometry.size[0] * geometry.size[1];
  let best = { k: -1, score: 0 };
  for (let k = 0; k < geometry.size[2]; k++) {
    let [lesion, liver] = [0, 0];
    for (const value of labels.voxels.subarray(k * area, (k + 1) * area)) {
      if (value >= 2) lesion++;
      else if (value === 1) liver++;
    }
    // Lesion decides; liver only where there is none.
    const score = lesion * area + liver;
    if (score > best.score) best = { k, score };
  }
  return best.k < 0 ? middle : sliceNumber(geometry, best.k);
}
