import type { Geometry } from '@glisson/imaging/geometry/geometry';
import { bodyMask } from '@glisson/imaging/process/body-mask';
import { createVolume } from '@glisson/imaging/volume/volume';
import { PipelineError } from '../errors/pipeline-error.ts';
import type { PatchPreprocess } from '../plan/patch-plan.ts';
import type { Rectangle } from '../predict/tile-grid.ts';
import { contextSliceIndices } from '../preprocess/slice-stack.ts';
import { greySlice } from './equalise-slice.ts';
import { packMask, rectangleOfMask } from './packed-mask.ts';

/** What patches are cut from: clipped HU on the prepared grid, slice by slice (a `PreparedCase`, say). */
export interface SliceSource {
  readonly geometry: Geometry;
  image(k: number): Int16Array;
}

/** Where the liver is, slice by slice on the prepared grid: anything but 0. */
export type LiverSlices = (k: number) => Uint8Array;

/** A scan as patches see it: equalised, cropped, normalised. Slices are kept for a while once they are made. */
export interface PatchScan {
  readonly geometry: Geometry;
  /** What is kept of every slice of the prepared grid. Everything below is on this rectangle. */
  readonly crop: Rectangle;
  /** Channels of slice k, [C, height, width] of the crop, as the network gets them. Valid until the next calls. */
  channels(k: number): Float32Array;
  /** Body in slice k, 0 or 1. */
  body(k: number): Uint8Array;
  /** Liver in slice k, 0 or 1; undefined where it is not known. */
  liver(k: number): Uint8Array | undefined;
  /** What stands outside of the slice, as the network gets it. */
  readonly padding: number;
}

/** Slices of channels that are kept, in bytes: the patches of a batch come from many. */
const keptBytes = 256e6;

/**
 * Prepares a scan for patches by the plan, lazily.
 * @param liver where it is, if known: `crop: 'liver'` needs it
 * @throws PipelineError `option-invalid` where the plan crops to a liver that is not known, `data-invalid` when there is nothing to crop to
 */
export function openPatchScan(
  source: SliceSource,
  plan: PatchPreprocess,
  liver?: LiverSlices,
  { cacheBytes = keptBytes }: { readonly cacheBytes?: number } = {},
): PatchScan {
  const { geometry } = source;
  const [width, height, depth] = geometry.size;
  const body = findBody(source, plan.windowHU[0]);
  const crop = cropOf(geometry, plan.crop, body, liver);
  const { count, source: kind, windowsHU } = plan.channels;
  const area = crop.width * crop.height;

  const cut = <T extends Uint8Array | Float32Array>(slice: T, out: T, offset: number): T => {
    for (let y = 0; y < crop.height; y++) {
      const from = (crop.y + y) * width + crop.x;
      out.set(slice.subarray(from, from + crop.width), offset + y * crop.width);
    }
    return out;
  };
  const grey = (k: number, windowHU: readonly [number, number]) => {
    const values = greySlice(source.image(k), [width, height], windowHU, plan.equalise, body.slice(k));
    for (let i = 0; i < values.length; i++) values[i] = (values[i]! - plan.mean) / plan.sd;
    return cut(values, new Float32Array(area), 0);
  };
  const slices = keepRecent(Math.max(2 * count, Math.floor(cacheBytes / (4 * area))), (k: number) =>
    grey(k, plan.windowHU),
  );
  const windowed = keepRecent(
    Math.max(2, Math.floor(cacheBytes / (4 * area * count))),
    (k: number): Float32Array => {
      const out = new Float32Array(count * area);
      for (const [c, window] of windowsHU.entries()) out.set(grey(k, window), c * area);
      return out;
    },
  );
  return {
    geometry,
    crop,
    padding: (plan.padding.value - plan.mean) / plan.sd,
    channels: (k) => {
      if (kind === 'windows') return windowed(k);
      if (count === 1) return slices(k);
      const out = new Float32Array(count * area);
      const context = { contextSlices: (count - 1) / 2, contextSpacingMm: plan.channels.spacingMm };
      const from =
        kind === 'repeat' ? new Array<number>(count).fill(k) : contextSliceIndices(geometry, k, context);
      for (const [c, index] of from.entries()) out.set(slices(index), c * area);
      return out;
    },
    body: (k) => cut(body.slice(k), new Uint8Array(area), 0),
    liver: (k) => {
      if (liver === undefined) return undefined;
      const out = cut(liver(k), new Uint8Array(area), 0);
      for (let i = 0; i < area; i++) if (out[i]! > 1) out[i] = 1;
      return out;
    },
  };

  function findBody({ image }: SliceSource, airHU: number) {
    const voxels = new Int16Array(width * height * depth);
    for (let k = 0; k < depth; k++) voxels.set(image(k), k * width * height);
    const mask = bodyMask(createVolume(geometry, voxels), { thresholdHU: airHU });
    return packMask(mask, [width, height, depth]);
  }
}

function cropOf(
  geometry: Geometry,
  crop: PatchPreprocess['crop'],
  body: { slice(k: number): Uint8Array },
  liver: LiverSlices | undefined,
): Rectangle {
  const [width, height, depth] = geometry.size;
  const whole = { x: 0, y: 0, width, height };
  if (crop === 'none') return whole;
  if (crop === 'liver' && liver === undefined) {
    throw new PipelineError('option-invalid', 'The plan crops slices to the liver, which is not known.', {
      expected: 'a mask of the liver (labels other than 0)',
      advice: 'Give one with --liver, or train with --set preprocess.crop=body.',
    });
  }
  const slices = function* () {
    for (let k = 0; k < depth; k++) yield crop === 'liver' ? liver!(k) : body.slice(k);
  };
  const found = rectangleOfMask(slices(), width);
  if (found === undefined && crop === 'liver') {
    throw new PipelineError('data-invalid', 'The mask of the liver is empty: there is nothing to crop to.');
  }
  return found ?? whole;
}

/** Remembers what `make` gave for the `most` numbers that were asked for last. */
function keepRecent<T>(most: number, make: (k: number) => T): (k: number) => T {
  const kept = new Map<number, T>();
  return (k) => {
    const found = kept.get(k) ?? make(k);
    kept.delete(k);
    kept.set(k, found);
    if (kept.size > most) kept.delete(kept.keys().next().value!);
    return found;
  };
}
