import { NetworkError } from '../errors/network-error.ts';
import { formatShape, sizeOf } from '../graph/shape.ts';
import { elementTypeName, type OnnxElementType } from './element-types.ts';
import type { OnnxTensor, TensorList } from './onnx-model.ts';
import {
  bytesOf,
  type FieldReader,
  integerOf,
  integersOf,
  type ProtobufField,
  textOf,
} from './protobuf-reader.ts';

/** Numbers of the fields that hold values. */
const lists = new Map<number, TensorList>([
  [4, 'float32'],
  [5, 'int32'],
  [6, 'string'],
  [7, 'int64'],
  [10, 'float64'],
  [11, 'uint64'],
]);

/** The list that a type uses when it is not raw. */
const listOf: Readonly<Partial<Record<OnnxElementType, TensorList>>> = {
  float32: 'float32',
  float64: 'float64',
  int64: 'int64',
  uint64: 'uint64',
  uint32: 'uint64',
  int8: 'int32',
  uint8: 'int32',
  int16: 'int32',
  uint16: 'int32',
  int32: 'int32',
  bool: 'int32',
  float16: 'int32',
  bfloat16: 'int32',
};

/** Of the types that are plain numbers. */
export const bytesPerElement: Readonly<Partial<Record<OnnxElementType, number>>> = {
  float32: 4,
  float64: 8,
  int64: 8,
  uint64: 8,
  uint32: 4,
  int8: 1,
  uint8: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  bool: 1,
  float16: 2,
  bfloat16: 2,
};

/** Reads a TensorProto. Throws a `NetworkError` ('damaged') when its bytes do not fill its shape. */
export function readTensor(message: Uint8Array, fields: FieldReader): OnnxTensor {
  let name = '';
  let code = 0;
  let raw: Uint8Array | undefined;
  let isExternal = false;
  let list: TensorList | undefined;
  const shape: number[] = [];
  const parts: Uint8Array[] = [];
  const entries: [string, string][] = [];
  for (const field of fields(message)) {
    const found = lists.get(field.number);
    if (found !== undefined) {
      list = found;
      parts.push(listBytes(field, found));
    } else if (field.number === 1) for (const size of integersOf(field)) shape.push(size);
    else if (field.number === 2) code = integerOf(field);
    else if (field.number === 8) name = textOf(field);
    else if (field.number === 9) raw = bytesOf(field);
    else if (field.number === 13) entries.push(readEntry(bytesOf(field), fields));
    else if (field.number === 14) isExternal = integerOf(field) === 1;
  }
  const type = elementTypeName(code);
  const damaged = (found: string) =>
    new NetworkError(
      'damaged',
      `This ONNX model is damaged: the constant '${name}' of ${type} ${formatShape(shape)} ${found}.`,
    );
  if (shape.some((size) => size < 0 || !Number.isSafeInteger(size)) || !Number.isSafeInteger(sizeOf(shape))) {
    throw damaged('has an impossible shape');
  }
  if (isExternal)
    return { name, type, shape, content: { kind: 'external', entries: Object.fromEntries(entries) } };
  if (raw === undefined) {
    const expected = listOf[type] ?? list ?? 'float32';
    if (list !== undefined && type !== 'string' && list !== expected) {
      throw damaged(`lists its numbers as ${list}, expected ${expected}`);
    }
    return { name, type, shape, content: { kind: 'listed', list: list ?? expected, parts } };
  }
  const width = bytesPerElement[type];
  if (width !== undefined && raw.length !== width * sizeOf(shape)) {
    throw damaged(`has ${raw.length} bytes, expected ${width * sizeOf(shape)}`);
  }
  return { name, type, shape, content: { kind: 'raw', bytes: raw } };
}

/** A StringStringEntryProto. */
export function readEntry(message: Uint8Array, fields: FieldReader): [key: string, value: string] {
  let key = '';
  let value = '';
  for (const field of fields(message)) {
    if (field.number === 1) key = textOf(field);
    else if (field.number === 2) value = textOf(field);
  }
  return [key, value];
}

function listBytes(field: ProtobufField, list: TensorList): Uint8Array {
  const single = {
    float32: 'fixed32',
    float64: 'fixed64',
    int32: 'varint',
    int64: 'varint',
    uint64: 'varint',
  };
  if (field.wire === 'bytes' || (list !== 'string' && field.wire === single[list])) return field.bytes;
  throw new NetworkError(
    'damaged',
    `A list of ${list} in a constant of this ONNX model is written as ${field.wire}.`,
  );
}
