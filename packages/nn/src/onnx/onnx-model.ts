import type { OnnxElementType } from './element-types.ts';

/** A constant of an ONNX model. Its numbers stay in the file until `tensorValues` asks for them. */
export interface OnnxTensor {
  readonly name: string;
  readonly type: OnnxElementType;
  readonly shape: readonly number[];
  readonly content: OnnxTensorContent;
}

/** Where the numbers are; parts of the file, not copied. */
export type OnnxTensorContent =
  /** Little-endian, row-major. */
  | { readonly kind: 'raw'; readonly bytes: Uint8Array }
  /** Protocol-buffer numbers in parts that follow each other, of the width the list has. */
  | { readonly kind: 'listed'; readonly list: TensorList; readonly parts: readonly Uint8Array[] }
  /** In another file: the entries say where. */
  | { readonly kind: 'external'; readonly entries: Readonly<Record<string, string>> };

export type TensorList = 'float32' | 'int32' | 'string' | 'int64' | 'float64' | 'uint64';

/** The value of an attribute, by its kind. Whole numbers beyond 2^53 are the nearest doubles. */
export type OnnxAttributeValue =
  | { readonly int: number }
  | { readonly ints: readonly number[] }
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | { readonly string: string }
  | { readonly strings: readonly string[] }
  | { readonly tensor: OnnxTensor }
  | { readonly tensors: readonly OnnxTensor[] }
  | { readonly graph: OnnxGraph }
  | { readonly graphs: readonly OnnxGraph[] }
  /** Within a function: the attribute of the function that is put in here. */
  | { readonly reference: string }
  /** AttributeProto.type of a kind that is not read: sparse tensors and types. */
  | { readonly kind: number };

export interface OnnxNode {
  /** May be empty. */
  readonly name: string;
  /** Name of the operator, e.g. `Conv`. */
  readonly type: string;
  /** Where the operator is defined; '' is ONNX itself. */
  readonly domain: string;
  /** Names of values; '' stands for an optional one that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttributeValue>>;
}

/** A size: a number, the name of an open size, or `undefined` where nothing is said. */
export type OnnxDimension = number | string | undefined;

/** A named value with its type. */
export interface OnnxValue {
  readonly name: string;
  /** Element type of a tensor; otherwise what the value is instead. */
  readonly type: OnnxElementType | 'sequence' | 'map' | 'optional' | 'sparse tensor';
  /** `undefined` when not even the number of axes is known. */
  readonly shape: readonly OnnxDimension[] | undefined;
}

export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  /** As declared: old models list their initializers here, too. See `requiredInputs`. */
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  /** Types of values in between, as far as the file declares them. */
  readonly values: readonly OnnxValue[];
}

/** An operator that a model defines by nodes of its own. */
export interface OnnxFunction {
  readonly name: string;
  readonly domain: string;
  readonly nodes: readonly OnnxNode[];
}

/** An ONNX model as plain data. Constants stay in the file: see `tensorValues`. */
export interface OnnxModel {
  readonly irVersion: number;
  readonly producer: string;
  readonly producerVersion: string;
  /** Version of each operator set by domain; '' is ONNX itself. */
  readonly opsets: Readonly<Record<string, number>>;
  readonly metadata: Readonly<Record<string, string>>;
  readonly graph: OnnxGraph;
  readonly functions: readonly OnnxFunction[];
}

/** The inputs that a caller must feed: those that no initializer fills. */
export function requiredInputs({ inputs, initializers }: OnnxGraph): OnnxValue[] {
  const filled = new Set(initializers.map(({ name }) => name));
  return inputs.filter(({ name }) => !filled.has(name));
}

/** All nodes of a model: of its graph, of graphs inside nodes, and of its functions. */
export function* allNodes(model: OnnxModel): Generator<OnnxNode> {
  yield* nodesWithin(model.graph.nodes);
  for (const { nodes } of model.functions) yield* nodesWithin(nodes);
}

function* nodesWithin(nodes: readonly OnnxNode[]): Generator<OnnxNode> {
  for (const node of nodes) {
    yield node;
    for (const value of Object.values(node.attributes)) {
      if ('graph' in value) yield* nodesWithin(value.graph.nodes);
      else if ('graphs' in value) for (const graph of value.graphs) yield* nodesWithin(graph.nodes);
    }
  }
}
