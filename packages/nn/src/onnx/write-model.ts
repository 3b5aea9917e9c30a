import { bodyOf, inferenceForm } from '../graph/composite.ts';
import type { ElementType, Shape } from '../graph/shape.ts';
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
import { blockDomain, intoBlocks, outOfBlocks } from './channel-blocks.ts';
import { encodeModel } from './encode-model.ts';
import type { OnnxDimension, OnnxModel, OnnxNode, OnnxTensor, OnnxValue } from './onnx-model.ts';

export interface ModelDescription {
  readonly name: string;
  readonly outputs: Readonly<Record<string, Tensor>>;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Names of the open sizes of image inputs and outputs, e.g. ['N', undefined, 'H', 'W']: others are fixed. */
  readonly openAxes?: readonly (string | undefined)[];
  /** Channels per block of the engine's CPU kernels (see `channel-blocks.ts`); default 1: plain ONNX only. */
  readonly channelBlock?: number;
  /** Only operators that every execution provider has, WebGPU and WASM included; default: what is fastest on the CPU. */
  readonly portable?: boolean;
  /** Also declare the type and shape of values in between, for checkers; the engine works them out by itself. */
  readonly declareValues?: boolean;
}

const irVersion = 8;
const opset = 18;

/** The file of `buildModel`'s model. The same graph gives the same bytes. */
export function writeModel(model: ModelDescription): Uint8Array {
  return encodeModel(buildModel(model));
}

/**
 * The graph that leads to `outputs` as an ONNX model (IR version 8, opset 18). Its inputs are the graph's
 * `input` tensors, under their own names. Constants are not copied.
 */
export function buildModel(model: ModelDescription): OnnxModel {
  const { nodes, initializers, inputs, values } = emitGraph(model);
  const declared = (name: string, tensor: Tensor): OnnxValue => ({
    name,
    type: tensor.type,
    shape: declaredShape(tensor, model),
  });
  return {
    irVersion,
    producer: 'glisson',
    producerVersion: '',
    opsets: {
      '': opset,
      ...(nodes.some(({ domain }) => domain === blockDomain) && { [blockDomain]: 1 }),
    },
    metadata: model.metadata ?? {},
    graph: {
      name: model.name,
      nodes,
      initializers,
      inputs: inputs.map((tensor) => declared((tensor.attributes as InputAttributes).name, tensor)),
      outputs: Object.entries(model.outputs).map(([name, tensor]) => declared(name, tensor)),
      values: model.declareValues ? values.map(([name, tensor]) => declared(name, tensor)) : [],
    },
    functions: [],
  };
}

function declaredShape({ shape }: Tensor, { openAxes }: ModelDescription): OnnxDimension[] {
  // Results of another rank than the image's, those of a classification, have the batch only in common with it.
  const named = shape.length === openAxes?.length ? openAxes : openAxes?.slice(0, 1);
  return shape.map((size, axis) => named?.[axis] ?? size);
}

/** A node while the graph is written: it may get a second output. */
interface EmittedNode {
  readonly type: string;
  readonly inputs: readonly string[];
  readonly outputs: string[];
  readonly attributes: Record<string, OnnxAttribute>;
  readonly domain: string;
}

/** How values in blocks of channels are told from others. */
const blockedPrefix = 'blocks:';

function emitGraph({ outputs, openAxes, channelBlock = 1, portable = false }: ModelDescription) {
  const nodes: EmittedNode[] = [];
  const initializers: OnnxTensor[] = [];
  const inputs: Tensor[] = [];
  const shared = new Map<string, string>();
  const makers = new Map<string, EmittedNode>();
  let counter = 0;
  const fresh = () => `t${counter++}`;
  const initializer = (
    type: ElementType,
    shape: readonly number[],
    bytes: Uint8Array,
    name = fresh(),
  ): string => {
    initializers.push({ name, type, shape, content: { kind: 'raw', bytes } });
    return name;
  };
  const sharedInitializer = (key: string, make: () => string): string => {
    const name = shared.get(key) ?? make();
    shared.set(key, name);
    return name;
  };
  // A model of open sizes is for inference, and the forms that a gradient shares write sizes down.
  const results = openAxes === undefined ? Object.values(outputs) : inferenceForm(Object.values(outputs));
  const order = topologicalOrder(results);
  const consumers = countConsumers(order, results);
  const inBlocks = new Map<string, string>();
  const shapes = new Map<string, Shape>();
  const inOrder = new Map<string, string>();
  /** The row-major form of a value. */
  const plain = (name: string): string => {
    if (!name.startsWith(blockedPrefix)) return name;
    const known = inOrder.get(name);
    if (known !== undefined) return known;
    const source = name.slice(blockedPrefix.length);
    const made = outOfBlocks(emitter, source, shapes.get(name)!);
    inOrder.set(name, made);
    return made;
  };
  const emitter: OnnxEmitter = {
    dynamic: openAxes?.slice(1).some((name) => name !== undefined) ?? false,
    openBatch: openAxes?.[0] !== undefined,
    channelBlock,
    portable,
    isBlocked: (name) => name.startsWith(blockedPrefix),
    blocked: (name, shape) => {
      if (name.startsWith(blockedPrefix)) return name.slice(blockedPrefix.length);
      const known = inBlocks.get(name) ?? intoBlocks(emitter, name, shape);
      inBlocks.set(name, known);
      return known;
    },
    fromBlocks: (output, shape) => {
      const name = `${blockedPrefix}${output}`;
      shapes.set(name, shape);
      return name;
    },
    fusable: (name, source) => {
      const maker = makers.get(name.slice(blockedPrefix.length));
      const isFree =
        consumers.get(bodyOf(source)) === 1 && !inOrder.has(name) && maker?.domain === blockDomain;
      return isFree && maker.type === 'Conv' && !('activation' in maker.attributes)
        ? maker.attributes
        : undefined;
    },
    node: (type, from, attributes = {}, domain = '') => {
      const node = {
        type,
        inputs: from.map(plain),
        outputs: [fresh()],
        attributes: { ...attributes },
        domain,
      };
      nodes.push(node);
      makers.set(node.outputs[0]!, node);
      return node.outputs[0]!;
    },
    int64: (values) =>
      sharedInitializer(`int64 ${values.join()}`, () =>
        initializer(
          'int64',
          [values.length],
          new Uint8Array(BigInt64Array.from(values, (value) => BigInt(value)).buffer),
        ),
      ),
    float32: (value) => constantName({ shape: [], values: Float32Array.of(value) }),
    float32s: (values) => constantName({ shape: [values.length], values: Float32Array.from(values) }),
  };
  function constantName({ shape, values, name }: ConstantAttributes): string {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const make = () => initializer('float32', shape, bytes, name);
    return values.length === 1 && name === undefined
      ? sharedInitializer(`float ${shape.join()} ${Object.is(values[0], -0) ? '-0' : values[0]}`, make)
      : make();
  }

  const names = new Map<Tensor, string>();
  for (const tensor of order) {
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
  for (const [index, wanted] of Object.keys(outputs).entries()) {
    let name = plain(names.get(results[index]!)!);
    if (!makers.has(name) || rename.has(name)) name = emitter.node('Identity', [name]);
    rename.set(name, wanted);
  }
  const named = (name: string) => rename.get(name) ?? name;
  const finished = nodes.map(
    (node, index): OnnxNode => ({
      ...node,
      name: `${node.type}_${index}`,
      inputs: node.inputs.map(named),
      outputs: node.outputs.map(named),
    }),
  );
  // Two tensors may share a name: a composite is its body.
  const values = new Map<string, Tensor>();
  for (const [tensor, name] of names) {
    if (makers.has(name) && !rename.has(name)) values.set(name, tensor);
  }
  return { nodes: finished, initializers, inputs, values: [...values] };
}

/** How many nodes, and outputs of the graph, need each value. A composite is its body by another name. */
function countConsumers(order: readonly Tensor[], outputs: readonly Tensor[]): Map<Tensor, number> {
  const counts = new Map<Tensor, number>();
  const count = (tensor: Tensor) => {
    const body = bodyOf(tensor);
    counts.set(body, (counts.get(body) ?? 0) + 1);
  };
  for (const tensor of order) if (bodyOf(tensor) === tensor) tensor.inputs.forEach(count);
  outputs.forEach(count);
  return counts;
}
