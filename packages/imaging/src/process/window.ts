import { ImagingError } from '../errors/imaging-error.ts';
import type { Volume, VolumeVoxels } from '../volume/volume.ts';
import { emptyLike } from './voxel-array.ts';

/** A range of Hounsfield units. */
export interface Window {
  readonly low: number;
  readonly high: number;
}

/**
 * The range that a DICOM viewer shows for a window centre and width (PS3.3 C.11.2.1.2.1, function LINEAR):
 * values up to `low` are black, from `high` on white. The width must be above 1.
 */
export function windowFromCenter(center: number, width: number): Window {
  return { low: center - 0.5 - (width - 1) / 2, high: center - 0.5 + (width - 1) / 2 };
}

/**
 * Grey values: `low` and below is 0, `high` and above 255, linear between and rounded to nearest (halves up);
 * NaN is 0. Returns a new array in the order of the voxels.
 * @throws ImagingError `value-invalid` unless low < high
 */
export function windowToBytes(source: Volume | VolumeVoxels, window: Window): Uint8Array {
  assertWindow(window);
  const voxels = 'voxels' in source ? source.voxels : source;
  const { low, high } = window;
  const grey = (value: number): number => {
    if (!(value > low)) return 0;
    return value >= high ? 255 : Math.floor(((value - low) * 255) / (high - low) + 0.5);
  };
  const bytes = new Uint8Array(voxels.length);
  if (voxels instanceof Int16Array && voxels.length > 65536) {
    const table = Uint8Array.from({ length: 65536 }, (_, i) => grey(i - 32768));
    for (let i = 0; i < voxels.length; i++) bytes[i] = table[voxels[i]! + 32768]!;
  } else {
    for (let i = 0; i < voxels.length; i++) bytes[i] = grey(voxels[i]!);
  }
  return bytes;
}

/**
 * Voxels held within the window, in a new array of the same type; NaN becomes `low`.
 * The bounds of a window for Int16 voxels must be whole numbers.
 * @throws ImagingError `value-invalid` unless low < high
 */
export function clipHU<T extends VolumeVoxels>(voxels: T, window: Window): T {
  assertWindow(window);
  const { low, high } = window;
  if (voxels instanceof Int16Array && !(Number.isInteger(low) && Number.isInteger(high))) {
    throw new ImagingError('value-invalid', 'The window cannot be kept in whole Hounsfield units.', {
      found: `${low} to ${high}`,
      expected: 'whole numbers, as the voxels are Int16',
    });
  }
  const clipped = emptyLike(voxels, voxels.length);
  // Bounds beyond Int16 clip nothing; written as they are they would wrap around.
  const from = voxels instanceof Int16Array ? Math.max(low, -32768) : low;
  const to = voxels instanceof Int16Array ? Math.min(high, 32767) : high;
  for (let i = 0; i < voxels.length; i++) {
    const value = voxels[i]!;
    clipped[i] = value > from ? Math.min(value, to) : from;
  }
  return clipped;
}

function assertWindow({ low, high }: Window): void {
  if (low < high) return;
  throw new ImagingError('value-invalid', 'The window is empty.', {
    found: `${low} to ${high}`,
    expected: 'a low value below the high one',
  });
}
