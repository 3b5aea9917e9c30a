import { NetworkError } from '../errors/network-error.ts';
import { formatShape, sizeOf } from '../graph/shape.ts';
import { toFloat32 } from '../weights/number-types.ts';
import type { OnnxElementType } from './element-types.ts';
import type { OnnxTensor, TensorList } from './onnx-model.ts';
import { readInt32s, readInt64s } from './protobuf-reader.ts';
import { bytesPerElement } from './read-tensor.ts';

export type OnnxArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/**
 * The numbers of a constant, row-major, copied. float16 and bfloat16 come as float32 (exact); bool as 0 and 1.
 * Throws a `NetworkError`: 'damaged' when their count does not fit the shape, 'unsupported' for numbers in
 * another file and for types that are no plain numbers.
 */
export function tensorValues(tensor: OnnxTensor): OnnxArray {
  const { name, type, shape, content } = tensor;
  const width = bytesPerElement[type];
  if (content.kind === 'external') {
    throw new NetworkError(
      'unsupported',
      `The numbers of '${name}' are in another file, ${content.entries.location ?? 'which is not named'}. ` +
        'Save the model as one file (onnx: save_as_external_data=False).',
    );
  }
  if (width === undefined) {
    throw new NetworkError(
      'unsupported',
      `'${name}' holds ${type}, which is not read; expected plain numbers.`,
    );
  }
  const values =
    content.kind === 'raw' ? fromRaw(content.bytes, type) : fromList(content.parts, content.list, type);
  if (values.length !== sizeOf(shape)) {
    throw new NetworkError(
      'damaged',
      `This ONNX model is damaged: the constant '${name}' has ${values.length} numbers, ${formatShape(shape)} needs ${sizeOf(shape)}.`,
    );
  }
  return values;
}

function fromRaw(bytes: Uint8Array, type: OnnxElementType): OnnxArray {
  // Little-endian as in the file: every machine that Node runs on.
  // Not slice(): that of a Node Buffer does not copy.
  const { buffer } = new Uint8Array(bytes);
  switch (type) {
    case 'float32':
      return new Float32Array(buffer);
    case 'float64':
      return new Float64Array(buffer);
    case 'int64':
      return new BigInt64Array(buffer);
    case 'uint64':
      return new BigUint64Array(buffer);
    case 'uint32':
      return new Uint32Array(buffer);
    case 'int8':
      return new Int8Array(buffer);
    case 'int16':
      return new Int16Array(buffer);
    case 'uint16':
      return new Uint16Array(buffer);
    case 'int32':
      return new Int32Array(buffer);
    case 'float16':
      return toFloat32(bytes, 'F16', '');
    case 'bfloat16':
      return toFloat32(bytes, 'BF16', '');
    default:
      return new Uint8Array(buffer);
  }
}

function fromList(parts: readonly Uint8Array[], list: TensorList, type: OnnxElementType): OnnxArray {
  const bytes = joined(parts);
  if (list === 'float32' || list === 'float64') {
    const width = list === 'float32' ? 4 : 8;
    if (bytes.length % width !== 0) {
      throw new NetworkError(
        'damaged',
        `A list of ${list} numbers in this ONNX model has ${bytes.length} bytes.`,
      );
    }
    return fromRaw(bytes, list);
  }
  if (list === 'int64') return readInt64s(bytes);
  if (list === 'uint64') {
    const values = new BigUint64Array(readInt64s(bytes).buffer);
    return type === 'uint32' ? Uint32Array.from(values, Number) : values;
  }
  const values = readInt32s(bytes);
  switch (type) {
    case 'int8':
      return Int8Array.from(values);
    case 'int16':
      return Int16Array.from(values);
    case 'uint16':
      return Uint16Array.from(values);
    case 'int32':
      return values;
    case 'float16':
    case 'bfloat16':
      // Each of these numbers is the bits of a half.
      return fromRaw(new Uint8Array(Uint16Array.from(values).buffer), type);
    default:
      return Uint8Array.from(values);
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}
