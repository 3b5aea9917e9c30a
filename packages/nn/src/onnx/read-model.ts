import { NetworkError } from '../errors/network-error.ts';
import type { OnnxFunction, OnnxGraph, OnnxModel, OnnxNode } from './onnx-model.ts';
import { bytesOf, createFieldReader, type FieldReader, integerOf, textOf } from './protobuf-reader.ts';
import { readGraph, readNode } from './read-graph.ts';
import { readEntry } from './read-tensor.ts';

/**
 * Reads an ONNX model (field numbers from onnx.proto of the ONNX project). Only the structure is read, and the
 * result keeps parts of `file` alive. Lengths, nesting and counts are bounded, so that a file that lies costs
 * no more than its own size; training graphs and quantisation notes are passed over.
 * Throws a `NetworkError`: 'damaged' when the bytes are no model, are cut off or contradict themselves,
 * 'unsupported' beyond the bounds.
 */
export function readModel(file: Uint8Array): OnnxModel {
  const fields = createFieldReader(file, 'ONNX model');
  let irVersion = 0;
  let producer = '';
  let producerVersion = '';
  let graph: OnnxGraph | undefined;
  const opsets: [string, number][] = [];
  const metadata: [string, string][] = [];
  const functions: OnnxFunction[] = [];
  for (const field of fields(file)) {
    if (field.number === 1) irVersion = integerOf(field);
    else if (field.number === 2) producer = textOf(field);
    else if (field.number === 3) producerVersion = textOf(field);
    else if (field.number === 7) {
      if (graph !== undefined) throw new NetworkError('damaged', 'This ONNX model holds two graphs.');
      graph = readGraph(bytesOf(field), fields);
    } else if (field.number === 8) opsets.push(readOpset(bytesOf(field), fields));
    else if (field.number === 14) metadata.push(readEntry(bytesOf(field), fields));
    else if (field.number === 25) functions.push(readFunction(bytesOf(field), fields));
  }
  if (graph === undefined) {
    throw new NetworkError('damaged', 'These bytes are no complete ONNX model: it holds no graph.');
  }
  return {
    irVersion,
    producer,
    producerVersion,
    opsets: Object.fromEntries(opsets),
    metadata: Object.fromEntries(metadata),
    graph,
    functions,
  };
}

function readOpset(message: Uint8Array, fields: FieldReader): [domain: string, version: number] {
  let domain = '';
  let version = 0;
  for (const field of fields(message)) {
    if (field.number === 1) domain = textOf(field);
    else if (field.number === 2) version = integerOf(field);
  }
  return [domain === 'ai.onnx' ? '' : domain, version];
}

function readFunction(message: Uint8Array, fields: FieldReader): OnnxFunction {
  let name = '';
  let domain = '';
  const nodes: OnnxNode[] = [];
  for (const field of fields(message)) {
    if (field.number === 1) name = textOf(field);
    else if (field.number === 7) nodes.push(readNode(bytesOf(field), fields, 0));
    else if (field.number === 10) domain = textOf(field);
  }
  return { name, domain, nodes };
}
