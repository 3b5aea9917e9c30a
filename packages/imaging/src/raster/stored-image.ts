import { ImagingError } from '../errors/imaging-error.ts';
import type { Geometry } from '../geometry/geometry.ts';
import type { Finding } from '../volume/scan.ts';
import { createVolume, type Volume, type VolumeVoxels } from '../volume/volume.ts';
import type { StoredValues } from './stored-values.ts';

/** An image file as NIfTI, NRRD and MetaImage hold it: a grid and one block of numbers. */
export interface StoredImage {
  readonly format: 'nifti' | 'nrrd' | 'metaimage';
  readonly path: string;
  readonly geometry: Geometry;
  /** x fastest, machine byte order. */
  readonly values: StoredValues;
  /** Real value = stored value x slope + intercept. */
  readonly slope: number;
  readonly intercept: number;
  readonly findings: readonly Finding[];
}

/**
 * The real values as a volume: Int16 when every one is a whole number in -32768..32767, else Float32
 * (8-bit data with a fractional slope stay exact to Float32). Int16 values without slope are not copied.
 */
export function toVolume(image: StoredImage): { volume: Volume; findings: Finding[] } {
  const findings = [...image.findings];
  const { values, slope, intercept } = image;
  if (values instanceof Int16Array && slope === 1 && intercept === 0) {
    return { volume: createVolume(image.geometry, values), findings };
  }
  const numbers = asNumbers(values);
  const whole = asWholeNumbers(numbers, slope, intercept);
  if (whole !== undefined) return { volume: createVolume(image.geometry, whole), findings };
  const real = numbers instanceof Float32Array && slope === 1 && intercept === 0 ? numbers : undefined;
  if (real !== undefined) return { volume: createVolume(image.geometry, real), findings };
  const voxels = new Float32Array(numbers.length);
  let rounded = 0;
  for (let i = 0; i < numbers.length; i++) {
    const value = numbers[i]! * slope + intercept;
    voxels[i] = value;
    if (Math.abs(value) > 2 ** 24 && voxels[i] !== value) rounded++;
  }
  if (rounded > 0) {
    findings.push({
      severity: 'warning',
      code: 'values-rounded',
      message: `${rounded} values are too large for 32-bit floats and were rounded.`,
      where: image.path,
    });
  }
  return { volume: createVolume(image.geometry, voxels), findings };
}

/** Stops at the first value that does not fit, so that fractional data cost little. */
function asWholeNumbers(
  values: Exclude<StoredValues, BigInt64Array | BigUint64Array>,
  slope: number,
  intercept: number,
): VolumeVoxels | undefined {
  const whole = new Int16Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i]! * slope + intercept;
    whole[i] = value;
    if (whole[i] !== value) return undefined;
  }
  return whole;
}

function asNumbers(values: StoredValues): Exclude<StoredValues, BigInt64Array | BigUint64Array> {
  if (!(values instanceof BigInt64Array || values instanceof BigUint64Array)) return values;
  const numbers = new Float64Array(values.length);
  for (let i = 0; i < values.length; i++) numbers[i] = Number(values[i]);
  return numbers;
}

/**
 * The real values as label numbers. 8-bit values without slope are not copied; float images pass when
 * every value is whole.
 * @throws ImagingError `value-invalid` for a fractional or NaN value, `label-unknown` for one outside 0..255
 */
export function toLabelValues(image: StoredImage): Uint8Array {
  const { values, slope, intercept } = image;
  if (values instanceof Uint8Array && slope === 1 && intercept === 0) return values;
  const numbers = asNumbers(values);
  const labels = new Uint8Array(numbers.length);
  for (let i = 0; i < numbers.length; i++) {
    const value = numbers[i]! * slope + intercept;
    labels[i] = value;
    if (labels[i] !== value) throw labelError(image, i, value);
  }
  return labels;
}

function labelError(image: StoredImage, index: number, value: number): ImagingError {
  const [nx, ny] = image.geometry.size;
  const at = `voxel (${index % nx}, ${Math.floor(index / nx) % ny}, ${Math.floor(index / (nx * ny))})`;
  const where = `${image.path}, ${at}`;
  if (Number.isInteger(value)) {
    return new ImagingError('label-unknown', 'A label value lies outside 0..255.', {
      where,
      found: String(value),
      expected: 'label values from 0 to 255',
      advice: 'Map the labels to small numbers first.',
    });
  }
  return new ImagingError('value-invalid', 'The image holds values that are no labels.', {
    where,
    found: String(value),
    expected: 'whole numbers',
    advice: 'This looks like a scan or a probability map. Give the label image, or threshold it first.',
  });
}
