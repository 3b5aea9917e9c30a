import { NetworkError } from '../errors/network-error.ts';
import { formatShape, type Shape, sizeOf } from '../graph/shape.ts';
import { checkValue } from '../options/check-options.ts';
import { bytes, listOf, objectWith, type Rule, recordOf, wholeFromZero } from '../options/rules.ts';
import { toFloat32 } from './number-types.ts';
import {
  encodeSafetensorsHeader,
  lengthBytes,
  parseSafetensorsHeader,
  readHeaderLength,
} from './safetensors-header.ts';

export interface NamedArray {
  readonly shape: Shape;
  readonly values: Float32Array;
}

export interface WeightFile {
  readonly arrays: Readonly<Record<string, NamedArray>>;
  readonly metadata: Readonly<Record<string, string>>;
}

const aString: Rule = { expected: 'a text', accepts: (value) => typeof value === 'string' };

/** A `NamedArray`, as far as it can be seen without its size. */
export const aNamedArray = objectWith('{ shape, values: Float32Array }', {
  shape: listOf('sizes', wholeFromZero),
  values: { expected: 'a Float32Array', accepts: (value) => value instanceof Float32Array },
});
const aWeightFile = objectWith('{ arrays, metadata }', {});

/**
 * Writes float32 arrays as safetensors (huggingface.co/docs/safetensors): length of the header as 64-bit integer,
 * header as JSON, then the numbers, little-endian, in the order given. The same content gives the same bytes.
 * @throws NetworkError 'shape-mismatch' when an array has not as many numbers as its shape
 */
export function writeSafetensors(content: WeightFile): Uint8Array {
  checkValue('writeSafetensors: content', content, aWeightFile);
  const { arrays, metadata } = content;
  checkValue(
    'writeSafetensors: arrays',
    arrays,
    recordOf(`arrays by name, each ${aNamedArray.expected}`, aNamedArray),
  );
  checkValue('writeSafetensors: metadata', metadata, recordOf('texts by name', aString));
  const entries = Object.entries(arrays);
  for (const [name, { shape, values }] of entries) {
    if (sizeOf(shape) !== values.length) {
      throw new NetworkError('shape-mismatch', `${name}: ${values.length} numbers for ${formatShape(shape)}`);
    }
  }
  const header = encodeSafetensorsHeader(
    entries.map(([name, { shape }]) => ({ name, type: 'F32', shape })),
    metadata,
  );
  const size = entries.reduce((sum, [, { values }]) => sum + values.byteLength, header.length);
  const file = new Uint8Array(size);
  file.set(header);
  let position = header.length;
  for (const [, { values }] of entries) {
    file.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), position);
    position += values.byteLength;
  }
  return file;
}

/**
 * Reads a whole safetensors file; copies the numbers and makes float32 of other types (`toFloat32` says how).
 * Big files are better opened with `openSafetensors`.
 * @throws NetworkError 'damaged' on lengths beyond the file, holes, overlaps, names that come twice, and sizes that
 * contradict the shape; 'unsupported' on a number type that is not read; 'value-invalid' on integers that float32
 * cannot hold
 */
export function readSafetensors(file: Uint8Array): WeightFile {
  checkValue('readSafetensors: file', file, bytes);
  const headerLength = readHeaderLength(file, file.length);
  const header = file.subarray(lengthBytes, lengthBytes + headerLength);
  const { entries, metadata } = parseSafetensorsHeader(header, file.length);
  // fromEntries, since an assignment to '__proto__' would make no entry.
  const arrays = Object.fromEntries(
    entries.map(({ name, type, shape, from, to }) => [
      name,
      { shape, values: toFloat32(file.subarray(from, to), type, name) },
    ]),
  );
  return { arrays, metadata };
}
