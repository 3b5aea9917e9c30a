import { elementTypeCode } from './element-types.ts';
import type {
  OnnxAttributeValue,
  OnnxDimension,
  OnnxFunction,
  OnnxGraph,
  OnnxModel,
  OnnxNode,
  OnnxTensor,
  OnnxValue,
  TensorList,
} from './onnx-model.ts';
import {
  bytesField,
  floatField,
  integerField,
  joinPieces,
  messageField,
  type Pieces,
  textField,
} from './protobuf-writer.ts';

/**
 * Writes a model as a file: the counterpart of `readModel` (field numbers from onnx.proto of the ONNX project).
 * Equal models give equal bytes. Of values that are no tensors, only the kind is written.
 */
export function encodeModel(model: OnnxModel): Uint8Array {
  return joinPieces([
    integerField(1, model.irVersion),
    ...optionalText(2, model.producer),
    ...optionalText(3, model.producerVersion),
    messageField(7, ...graphFields(model.graph)),
    ...Object.entries(model.opsets).map(([domain, version]) =>
      messageField(8, textField(1, domain), integerField(2, version)),
    ),
    ...Object.entries(model.metadata).map((entry) => entryField(14, entry)),
    ...model.functions.map(functionField),
  ]);
}

function optionalText(field: number, text: string): Pieces[] {
  return text === '' ? [] : [textField(field, text)];
}

function entryField(field: number, [key, value]: readonly [string, string]): Pieces {
  return messageField(field, textField(1, key), textField(2, value));
}

function graphFields(graph: OnnxGraph): Pieces[] {
  return [
    ...graph.nodes.map((node) => nodeField(1, node)),
    textField(2, graph.name),
    ...graph.initializers.map((tensor) => tensorField(5, tensor)),
    ...graph.inputs.map((value) => valueField(11, value)),
    ...graph.outputs.map((value) => valueField(12, value)),
    ...graph.values.map((value) => valueField(13, value)),
  ];
}

function functionField({ name, domain, nodes }: OnnxFunction): Pieces {
  return messageField(
    25,
    textField(1, name),
    ...nodes.map((node) => nodeField(7, node)),
    ...optionalText(10, domain),
  );
}

function nodeField(field: number, node: OnnxNode): Pieces {
  return messageField(
    field,
    ...node.inputs.map((name) => textField(1, name)),
    ...node.outputs.map((name) => textField(2, name)),
    ...optionalText(3, node.name),
    textField(4, node.type),
    ...optionalText(7, node.domain),
    ...Object.entries(node.attributes).map(([name, value]) =>
      messageField(5, textField(1, name), ...attributeFields(value)),
    ),
  );
}

function attributeFields(value: OnnxAttributeValue): Pieces[] {
  const kind = (code: number) => integerField(20, code);
  if ('float' in value) return [floatField(2, value.float), kind(1)];
  if ('int' in value) return [integerField(3, value.int), kind(2)];
  if ('string' in value) return [textField(4, value.string), kind(3)];
  if ('tensor' in value) return [tensorField(5, value.tensor), kind(4)];
  if ('graph' in value) return [messageField(6, ...graphFields(value.graph)), kind(5)];
  if ('floats' in value) return [...value.floats.map((v) => floatField(7, v)), kind(6)];
  if ('ints' in value) return [...value.ints.map((v) => integerField(8, v)), kind(7)];
  if ('strings' in value) return [...value.strings.map((v) => textField(9, v)), kind(8)];
  if ('tensors' in value) return [...value.tensors.map((v) => tensorField(10, v)), kind(9)];
  if ('graphs' in value) return [...value.graphs.map((v) => messageField(11, ...graphFields(v))), kind(10)];
  if ('reference' in value) return [textField(21, value.reference)];
  return [kind(value.kind)];
}

const listFields: Readonly<Record<TensorList, number>> = {
  float32: 4,
  int32: 5,
  string: 6,
  int64: 7,
  float64: 10,
  uint64: 11,
};

function tensorField(field: number, { name, type, shape, content }: OnnxTensor): Pieces {
  const head = [
    ...shape.map((size) => integerField(1, size)),
    integerField(2, elementTypeCode(type)),
    ...optionalText(8, name),
  ];
  switch (content.kind) {
    case 'raw':
      return messageField(field, ...head, bytesField(9, content.bytes));
    case 'listed':
      return messageField(
        field,
        ...head,
        ...content.parts.map((part) => bytesField(listFields[content.list], part)),
      );
    case 'external':
      return messageField(
        field,
        ...head,
        ...Object.entries(content.entries).map((entry) => entryField(13, entry)),
        integerField(14, 1),
      );
  }
}

function valueField(field: number, { name, type, shape }: OnnxValue): Pieces {
  return messageField(field, textField(1, name), ...typeFields(type, shape));
}

function typeFields(type: OnnxValue['type'], shape: OnnxValue['shape']): Pieces[] {
  switch (type) {
    case 'undefined':
      return [];
    case 'sequence':
      return [messageField(2, messageField(4))];
    case 'map':
      return [messageField(2, messageField(5))];
    case 'sparse tensor':
      return [messageField(2, messageField(8))];
    case 'optional':
      return [messageField(2, messageField(9))];
    default:
      return [
        messageField(
          2,
          messageField(
            1,
            integerField(1, elementTypeCode(type)),
            ...(shape === undefined ? [] : [messageField(2, ...shape.map(dimensionField))]),
          ),
        ),
      ];
  }
}

function dimensionField(size: OnnxDimension): Pieces {
  if (size === undefined) return messageField(1);
  return messageField(1, typeof size === 'number' ? integerField(1, size) : textField(2, size));
}
