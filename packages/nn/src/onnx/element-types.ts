/** Names of the element types of ONNX (TensorProto.DataType), by number. */
const names = [
  'undefined',
  'float32',
  'uint8',
  'int8',
  'uint16',
  'int16',
  'int32',
  'int64',
  'string',
  'bool',
  'float16',
  'float64',
  'uint32',
  'uint64',
  'complex64',
  'complex128',
  'bfloat16',
  'float8e4m3fn',
  'float8e4m3fnuz',
  'float8e5m2',
  'float8e5m2fnuz',
  'uint4',
  'int4',
  'float4e2m1',
] as const;

/** An element type of ONNX; a number that is not known yet is called `type N`. */
export type OnnxElementType = (typeof names)[number] | `type ${number}`;

const codes = new Map<string, number>(names.map((name, code) => [name, code]));

/** The number of a type in a file. */
export function elementTypeCode(type: OnnxElementType): number {
  return codes.get(type) ?? Number(type.slice('type '.length));
}

/** The type of a number in a file. */
export function elementTypeName(code: number): OnnxElementType {
  return names[code] ?? `type ${code}`;
}
