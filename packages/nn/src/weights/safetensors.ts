import { NetworkError } from '../errors/network-error.ts';
import { formatShape, type Shape, sizeOf } from '../graph/shape.ts';

export interface NamedArray {
  readonly shape: Shape;
  readonly values: Float32Array;
}

export interface WeightFile {
  readonly arrays: Readonly<Record<string, NamedArray>>;
  readonly metadata: Readonly<Record<string, string>>;
}

const metadataKey = '__metadata__';

/**
 * Writes float32 arrays as safetensors (huggingface.co/docs/safetensors): length of the header as 64-bit integer,
 * header as JSON, then the numbers, little-endian, in the order given. The same content gives the same bytes.
 */
export function writeSafetensors({ arrays, metadata }: WeightFile): Uint8Array {
  let offset = 0;
  const header: Record<string, unknown> = { [metadataKey]: metadata };
  for (const [name, { shape, values }] of Object.entries(arrays)) {
    if (sizeOf(shape) !== values.length) {
      throw new NetworkError('shape-mismatch', `${name}: ${values.length} numbers for ${formatShape(shape)}`);
    }
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + values.byteLength] };
    offset += values.byteLength;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  // The numbers start at a multiple of eight, so that a reader may use them in place.
  const headerLength = Math.ceil(text.length / 8) * 8;
  const file = new Uint8Array(8 + headerLength + offset);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerLength), true);
  file.fill(0x20, 8, 8 + headerLength);
  file.set(text, 8);
  let position = 8 + headerLength;
  for (const { values } of Object.values(arrays)) {
    file.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), position);
    position += values.byteLength;
  }
  return file;
}

/**
 * Reads a safetensors file of float32 arrays; copies the numbers. Throws a `NetworkError` ('damaged') on lengths
 * beyond the file, holes, overlaps, and sizes that contradict the shape; ('unsupported') on other number types.
 */
export function readSafetensors(file: Uint8Array): WeightFile {
  const damaged = (found: string) => new NetworkError('damaged', `Not a whole safetensors file: ${found}.`);
  if (file.length < 8) throw damaged(`${file.length} bytes`);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const headerLength = Number(view.getBigUint64(0, true));
  const start = 8 + headerLength;
  if (start > file.length) {
    throw damaged(`the header claims ${headerLength} bytes, the file has ${file.length}`);
  }
  const header = parseHeader(file.subarray(8, start), damaged);
  const arrays: Record<string, NamedArray> = {};
  const ranges: { name: string; from: number; to: number }[] = [];
  for (const [name, entry] of Object.entries(header)) {
    if (name === metadataKey) continue;
    const { dtype, shape, data_offsets: range } = (entry ?? {}) as Record<string, unknown>;
    if (!isNumbers(shape) || !isNumbers(range) || range.length !== 2) {
      throw damaged(`'${name}' has no valid shape and data_offsets`);
    }
    if (dtype !== 'F32') {
      throw new NetworkError('unsupported', `'${name}' holds ${String(dtype)}; only F32 is read`);
    }
    const [from, to] = range as [number, number];
    if (to - from !== sizeOf(shape) * 4 || start + to > file.length) {
      throw damaged(
        `'${name}' ${formatShape(shape)} at bytes ${from} to ${to} of ${file.length - start} does not fit`,
      );
    }
    ranges.push({ name, from, to });
    // Uint8Array's own slice copies; that of a Node Buffer is a view on the whole file.
    arrays[name] = {
      shape,
      values: new Float32Array(Uint8Array.prototype.slice.call(file, start + from, start + to).buffer),
    };
  }
  ranges.sort((a, b) => a.from - b.from);
  let expected = 0;
  for (const { name, from, to } of ranges) {
    if (from !== expected) throw damaged(`'${name}' starts at byte ${from} where ${expected} was expected`);
    expected = to;
  }
  if (start + expected !== file.length) {
    throw damaged(`${file.length - start - expected} bytes too many at the end`);
  }
  const metadata = (header[metadataKey] ?? {}) as Record<string, string>;
  return { arrays, metadata };
}

function parseHeader(bytes: Uint8Array, damaged: (found: string) => NetworkError): Record<string, unknown> {
  try {
    const header: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    if (typeof header === 'object' && header !== null && !Array.isArray(header)) {
      return header as Record<string, unknown>;
    }
  } catch (cause) {
    throw damaged(`the header is no JSON (${cause instanceof Error ? cause.message : String(cause)})`);
  }
  throw damaged('the header is no JSON object');
}

function isNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}
