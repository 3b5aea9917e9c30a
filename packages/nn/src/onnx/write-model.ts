import { NetworkError } from '../errors/network-error.ts';
import {
  type ConstantAttributes,
  constantOperator,
  type InputAttributes,
  inputOperator,
  type OnnxAttribute,
  type OnnxEmitter,
  type Tensor,
  topologicalOrder,
} from '../graph/tensor.ts';
import { onnxTypes } from '../operators/elementwise.ts';
import { blockDomain } from './channel-blocks.ts';
import {
  bytesField,
  floatField,
  integerField,
  joinPieces,
  messageField,
  type Pieces,
  textField,
} from './protobuf-writer.ts';

export interface ModelDescription {
  readonly name: string;
  readonly outputs: Readonly<Record<string, Tensor>>;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Names of the open sizes of image inputs and outputs, e.g. ['N', undefined, 'H', 'W']: others are fixed. */
  readonly openAxes?: readonly (string | undefined)[];
  /** Channels per block of the engine's CPU kernels (see `channel-blocks.ts`); default 1: plain ONNX only. */
  readonly channelBlock?: number;
}

interface OnnxNode {
  readonly type: string;
  readonly inputs: readonly string[];
  readonly outputs: string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
  readonly domain: string;
}

const irVersion = 8;
const opset = 18;

/**
 * Writes the graph that leads to `outputs` as an ONNX model (IR version 8, opset 18; field numbers from
 * onnx.proto of the ONNX project). Its inputs are the graph's `input` tensors, under their own names.
 * The same graph gives the same bytes.
 */
export function writeModel(model: ModelDescription): Uint8Array {
  const { nodes, initializers, inputs, rename } = emitGraph(model);
  const valueInfo = (field: number, name: string, tensor: Tensor) =>
    messageField(
      field,
      textField(1, name),
      messageField(
        2,
        messageField(
          1,
          integerField(1, onnxTypes[tensor.type]),
          messageField(2, ...tensor.shape.map((size, axis) => dimension(size, axis, tensor, model))),
        ),
      ),
    );
  return joinPieces([
    integerField(1, irVersion),
    textField(2, 'glisson'),
    messageField(
      7,
      ...nodes.map((node, index) => nodeField(node, index, rename)),
      textField(2, model.name),
      ...initializers,
      ...inputs.map((tensor) => valueInfo(11, (tensor.attributes as InputAttributes).name, tensor)),
      ...Object.entries(model.outputs).map(([name, tensor]) => valueInfo(12, name, tensor)),
    ),
    messageField(8, textField(1, ''), integerField(2, opset)),
    ...(nodes.some(({ domain }) => domain === blockDomain)
      ? [messageField(8, textField(1, blockDomain), integerField(2, 1))]
      : []),
    ...Object.entries(model.metadata ?? {}).map(([key, value]) =>
      messageField(14, textField(1, key), textField(2, value)),
    ),
  ]);
}

function dimension(size: number, axis: number, tensor: Tensor, { openAxes }: ModelDescription): Pieces {
  const open = tensor.shape.length === openAxes?.length ? openAxes[axis] : undefined;
  return messageField(1, open === undefined ? integerField(1, size) : textField(2, open));
}

function emitGraph({ outputs, openAxes, channelBlock = 1 }: ModelDescription) {
  const nodes: OnnxNode[] = [];
  const initializers: Pieces[] = [];
  const inputs: Tensor[] = [];
  const shared = new Map<string, string>();
  const makers = new Map<string, OnnxNode>();
  let counter = 0;
  const fresh = () => `t${counter++}`;
  const initializer = (type: number, shape: readonly number[], raw: Uint8Array): string => {
    const name = fresh();
    initializers.push(
      messageField(
        5,
        ...shape.map((size) => integerField(1, size)),
        integerField(2, type),
        textField(8, name),
        bytesField(9, raw),
      ),
    );
    return name;
  };
  const sharedInitializer = (key: string, make: () => string): string => {
    const name = shared.get(key) ?? make();
    shared.set(key, name);
    return name;
  };
  const emitter: OnnxEmitter = {
    dynamic: openAxes !== undefined,
    channelBlock,
    node: (type, from, attributes = {}, domain = '') => {
      const node = { type, inputs: from, outputs: [fresh()], attributes, domain };
      nodes.push(node);
      makers.set(node.outputs[0]!, node);
      return node.outputs[0]!;
    },
    secondOutput: (output) => {
      const maker = makers.get(output);
      if (maker === undefined) throw new NetworkError('unsupported', `no node made ${output}`);
      maker.outputs[1] ??= fresh();
      return maker.outputs[1];
    },
    int64: (values) =>
      sharedInitializer(`int64 ${values.join()}`, () =>
        initializer(
          onnxTypes.int64,
          [values.length],
          new Uint8Array(BigInt64Array.from(values, (value) => BigInt(value)).buffer),
        ),
      ),
  };
  const constantName = ({ shape, values }: ConstantAttributes): string => {
    const make = () =>
      initializer(
        onnxTypes.float32,
        shape,
        new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
      );
    return values.length === 1
      ? sharedInitializer(`float ${shape.join()} ${Object.is(values[0], -0) ? '-0' : values[0]}`, make)
      : make();
  };

  const names = new Map<Tensor, string>();
  for (const tensor of topologicalOrder(Object.values(outputs))) {
    if (tensor.operator.name === inputOperator.name) inputs.push(tensor);
    const name =
      tensor.operator.name === constantOperator.name
        ? constantName(tensor.attributes as ConstantAttributes)
        : tensor.operator.emit(
            tensor,
            tensor.inputs.map((source) => names.get(source)!),
            emitter,
          );
    names.set(tensor, name);
  }

  const rename = new Map<string, string>();
  for (const [wanted, tensor] of Object.entries(outputs)) {
    let name = names.get(tensor)!;
    if (!makers.has(name) || rename.has(name)) name = emitter.node('Identity', [name]);
    rename.set(name, wanted);
  }
  return { nodes, initializers, inputs, rename };
}

function nodeField(node: OnnxNode, index: number, rename: ReadonlyMap<string, string>): Pieces {
  const named = (name: string) => rename.get(name) ?? name;
  return messageField(
    1,
    ...node.inputs.map((name) => textField(1, named(name))),
    ...node.outputs.map((name) => textField(2, named(name))),
    textField(3, `${node.type}_${index}`),
    textField(4, node.type),
    ...(node.domain === '' ? [] : [textField(7, node.domain)]),
    ...Object.entries(node.attributes).map(([name, value]) => attributeField(name, value)),
  );
}

function attributeField(name: string, value: OnnxAttribute): Pieces {
  const head = textField(1, name);
  if ('int' in value) return messageField(5, head, integerField(3, value.int), integerField(20, 2));
  if ('ints' in value) {
    return messageField(5, head, ...value.ints.map((v) => integerField(8, v)), integerField(20, 7));
  }
  if ('float' in value) return messageField(5, head, floatField(2, value.float), integerField(20, 1));
  return messageField(5, head, textField(4, value.string), integerField(20, 3));
}
