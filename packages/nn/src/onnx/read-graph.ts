import { NetworkError } from '../errors/network-error.ts';
import { elementTypeName } from './element-types.ts';
import type {
  OnnxAttributeValue,
  OnnxDimension,
  OnnxGraph,
  OnnxNode,
  OnnxTensor,
  OnnxValue,
} from './onnx-model.ts';
import {
  bytesOf,
  type FieldReader,
  floatOf,
  floatsOf,
  integerOf,
  integersOf,
  textOf,
} from './protobuf-reader.ts';
import { readTensor } from './read-tensor.ts';

/** Graphs within graphs; real models have one or two. */
const deepest = 32;

/** Reads a GraphProto with the graphs inside it. Throws a `NetworkError` ('damaged' or 'unsupported'). */
export function readGraph(message: Uint8Array, fields: FieldReader, depth = 0): OnnxGraph {
  if (depth > deepest) {
    throw new NetworkError('unsupported', `This ONNX model has graphs more than ${deepest} levels deep.`);
  }
  let name = '';
  const nodes: OnnxNode[] = [];
  const initializers: OnnxTensor[] = [];
  const inputs: OnnxValue[] = [];
  const outputs: OnnxValue[] = [];
  const values: OnnxValue[] = [];
  for (const field of fields(message)) {
    if (field.number === 1) nodes.push(readNode(bytesOf(field), fields, depth));
    else if (field.number === 2) name = textOf(field);
    else if (field.number === 5) initializers.push(readTensor(bytesOf(field), fields));
    else if (field.number === 11) inputs.push(readValue(bytesOf(field), fields));
    else if (field.number === 12) outputs.push(readValue(bytesOf(field), fields));
    else if (field.number === 13) values.push(readValue(bytesOf(field), fields));
  }
  return { name, nodes, initializers, inputs, outputs, values };
}

/** Reads a NodeProto. */
export function readNode(message: Uint8Array, fields: FieldReader, depth: number): OnnxNode {
  let name = '';
  let type = '';
  let domain = '';
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes: [string, OnnxAttributeValue][] = [];
  for (const field of fields(message)) {
    if (field.number === 1) inputs.push(textOf(field));
    else if (field.number === 2) outputs.push(textOf(field));
    else if (field.number === 3) name = textOf(field);
    else if (field.number === 4) type = textOf(field);
    else if (field.number === 5) attributes.push(readAttribute(bytesOf(field), fields, depth));
    else if (field.number === 7) domain = textOf(field);
  }
  // Two names for ONNX's own operators.
  if (domain === 'ai.onnx') domain = '';
  return { name, type, domain, inputs, outputs, attributes: Object.fromEntries(attributes) };
}

function readAttribute(
  message: Uint8Array,
  fields: FieldReader,
  depth: number,
): [name: string, value: OnnxAttributeValue] {
  let name = '';
  let kind = 0;
  let reference = '';
  let int = 0;
  let float = 0;
  let string = '';
  let tensor: OnnxTensor | undefined;
  let graph: OnnxGraph | undefined;
  const ints: number[] = [];
  const floats: number[] = [];
  const strings: string[] = [];
  const tensors: OnnxTensor[] = [];
  const graphs: OnnxGraph[] = [];
  for (const field of fields(message)) {
    if (field.number === 1) name = textOf(field);
    else if (field.number === 2) float = floatOf(field);
    else if (field.number === 3) int = integerOf(field);
    else if (field.number === 4) string = textOf(field);
    else if (field.number === 5) tensor = readTensor(bytesOf(field), fields);
    else if (field.number === 6) graph = readGraph(bytesOf(field), fields, depth + 1);
    else if (field.number === 7) for (const value of floatsOf(field)) floats.push(value);
    else if (field.number === 8) for (const value of integersOf(field)) ints.push(value);
    else if (field.number === 9) strings.push(textOf(field));
    else if (field.number === 10) tensors.push(readTensor(bytesOf(field), fields));
    else if (field.number === 11) graphs.push(readGraph(bytesOf(field), fields, depth + 1));
    else if (field.number === 20) kind = integerOf(field);
    else if (field.number === 21) reference = textOf(field);
  }
  if (reference !== '') return [name, { reference }];
  const missing = (what: string) =>
    new NetworkError('damaged', `This ONNX model is damaged: the attribute '${name}' holds no ${what}.`);
  switch (kind) {
    case 1:
      return [name, { float }];
    case 2:
      return [name, { int }];
    case 3:
      return [name, { string }];
    case 4:
      if (tensor === undefined) throw missing('tensor');
      return [name, { tensor }];
    case 5:
      if (graph === undefined) throw missing('graph');
      return [name, { graph }];
    case 6:
      return [name, { floats }];
    case 7:
      return [name, { ints }];
    case 8:
      return [name, { strings }];
    case 9:
      return [name, { tensors }];
    case 10:
      return [name, { graphs }];
    default:
      return [name, { kind }];
  }
}

/** TypeProto fields of values that are no tensors. */
const otherKinds = new Map<number, OnnxValue['type']>([
  [4, 'sequence'],
  [5, 'map'],
  [8, 'sparse tensor'],
  [9, 'optional'],
]);

/** Reads a ValueInfoProto. */
export function readValue(message: Uint8Array, fields: FieldReader): OnnxValue {
  let name = '';
  let type: OnnxValue['type'] = 'undefined';
  let shape: OnnxDimension[] | undefined;
  for (const field of fields(message)) {
    if (field.number === 1) name = textOf(field);
    else if (field.number === 2) {
      for (const kind of fields(bytesOf(field))) {
        type = otherKinds.get(kind.number) ?? type;
        if (kind.number !== 1) continue;
        for (const part of fields(bytesOf(kind))) {
          if (part.number === 1) type = elementTypeName(integerOf(part));
          else if (part.number === 2) shape = readShape(bytesOf(part), fields);
        }
      }
    }
  }
  return { name, type, shape };
}

/** Reads a TensorShapeProto. */
function readShape(message: Uint8Array, fields: FieldReader): OnnxDimension[] {
  const shape: OnnxDimension[] = [];
  for (const field of fields(message)) {
    if (field.number !== 1) continue;
    let size: OnnxDimension;
    for (const part of fields(bytesOf(field))) {
      if (part.number === 1) size = integerOf(part);
      else if (part.number === 2) size = textOf(part);
    }
    // A size below 0 stands for an open one in files of some writers; so does an empty name.
    shape.push(size === '' || (typeof size === 'number' && size < 0) ? undefined : size);
  }
  return shape;
}
