import { NetworkError } from '../errors/network-error.ts';
import { withOrigin } from './origin.ts';
import { type ElementType, formatShape, type Shape, sizeOf } from './shape.ts';

/** A value in a graph: the result of one operator. Immutable; a graph is what is reachable from its outputs. */
export interface Tensor {
  readonly operator: Operator<unknown>;
  readonly inputs: readonly Tensor[];
  readonly attributes: unknown;
  readonly shape: Shape;
  readonly type: ElementType;
}

export interface TensorType {
  readonly shape: Shape;
  readonly type: ElementType;
}

/** Numbers of one tensor in the float64 reference; booleans are 0 and 1. */
export interface ReferenceArray {
  readonly shape: Shape;
  readonly values: Float64Array;
}

/** Attribute values as ONNX knows them. */
export type OnnxAttribute =
  | { readonly int: number }
  | { readonly ints: readonly number[] }
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | { readonly string: string };

/** What an operator needs in order to write itself into an ONNX graph. */
export interface OnnxEmitter {
  /** True when spatial sizes of the graph are left open: operators must then not write sizes down. */
  readonly dynamic: boolean;
  /** True when N, the first axis of images and results, is left open: operators must not write it down. */
  readonly openBatch: boolean;
  /** Channels that the engine's CPU kernels keep together (see `onnx/channel-blocks.ts`); 1: plain ONNX only. */
  readonly channelBlock: number;
  /** True: only operators that every execution provider has (WebGPU lacks SpaceToDepth). */
  readonly portable: boolean;
  /** Adds a node and returns the name of its (only) output. */
  node(
    type: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, OnnxAttribute>>,
    domain?: string,
  ): string;
  /**
   * Whether a value lies in blocks of channels (`onnx/channel-blocks.ts`), where the engine's CPU kernels want it. `node`
   * takes such a value like any other, and puts it in row-major order first, once.
   */
  isBlocked(name: string): boolean;
  /** The value, of a shape, in blocks of channels, for nodes that work in that order; put in order once where it is not. */
  blocked(name: string, shape: Shape): string;
  /** Makes a value of a shape of what a node gave in blocks of channels. */
  fromBlocks(output: string, shape: Shape): string;
  /** Attributes of the convolution that gave a value of `fromBlocks`, if one node only needs it: that may be fused into it. */
  fusable(name: string, source: Tensor): Record<string, OnnxAttribute> | undefined;
  /** Name of a constant 1-D int64 tensor. */
  int64(values: readonly number[]): string;
  /** Name of a constant float32 scalar. */
  float32(value: number): string;
  /** Name of a constant float32 vector. */
  float32s(values: readonly number[]): string;
}

/** One kind of operation: shape rule, gradient, ONNX form and float64 reference, together in one place. */
export interface Operator<Attributes> {
  readonly name: string;
  /** Every element of the result depends on the corresponding elements of its inputs only. */
  readonly elementwise?: true;
  /** Shape and type of the result; throws a `NetworkError` that names the operator and the shapes. */
  infer(inputs: readonly Tensor[], attributes: Attributes): TensorType;
  /** Gradients by input, as new graph; `undefined` where none flows. Absent: not differentiable. */
  gradient?(result: Tensor, upstream: Tensor, needed: readonly boolean[]): readonly (Tensor | undefined)[];
  /** Writes the operator and returns the name of its result. */
  emit(result: Tensor, inputs: readonly string[], onnx: OnnxEmitter): string;
  /** The value in float64, plain and slow. */
  evaluate(result: Tensor, inputs: readonly ReferenceArray[]): Float64Array;
}

/** Applies an operator: checks shapes and returns the result. Errors name the operator, the shapes and the line. */
export function apply<A>(operator: Operator<A>, inputs: readonly Tensor[], attributes: A): Tensor {
  try {
    const { shape, type } = operator.infer(inputs, attributes);
    if (shape.some((size) => !Number.isInteger(size) || size < 0)) {
      throw new NetworkError(
        'shape-mismatch',
        `${operator.name}: inputs ${inputs.map((t) => formatShape(t.shape)).join(', ')} give the impossible shape ${formatShape(shape)}`,
      );
    }
    return { operator, inputs, attributes, shape, type };
  } catch (error) {
    throw error instanceof NetworkError ? withOrigin(error) : error;
  }
}

/** The attributes of a result of `operator`, typed. */
export function attributesOf<A>(_operator: Operator<A>, tensor: Tensor): A {
  return tensor.attributes as A;
}

export interface InputAttributes extends TensorType {
  readonly name: string;
}

/** A value that the caller feeds. */
export const inputOperator: Operator<InputAttributes> = {
  name: 'input',
  infer: (_, { shape, type }) => ({ shape, type }),
  emit: (result) => (result.attributes as InputAttributes).name,
  evaluate: (result) => {
    throw new NetworkError(
      'value-invalid',
      `input '${(result.attributes as InputAttributes).name}' was not fed`,
    );
  },
};

/** A value that is fed under a name when the graph is run. */
export function input(name: string, shape: Shape, type: ElementType = 'float32'): Tensor {
  return apply(inputOperator, [], { name, shape, type });
}

export interface ConstantAttributes {
  readonly shape: Shape;
  readonly values: Float32Array;
  /** What a model file calls it; absent: anything. */
  readonly name?: string;
}

/** A float32 value known when the graph is built. Written by the ONNX writer, not by `emit`. */
export const constantOperator: Operator<ConstantAttributes> = {
  name: 'constant',
  infer: (_, { shape, values }) => {
    if (sizeOf(shape) !== values.length) {
      throw new NetworkError('shape-mismatch', `constant: ${values.length} values for ${formatShape(shape)}`);
    }
    return { shape, type: 'float32' };
  },
  emit: () => {
    throw new NetworkError('unsupported', 'constants are written as initializers');
  },
  evaluate: (result) => Float64Array.from((result.attributes as ConstantAttributes).values),
};

/** A constant; keeps (does not copy) a Float32Array. */
export function constant(values: Float32Array | readonly number[], shape: Shape, name?: string): Tensor {
  return apply(constantOperator, [], {
    shape,
    values: values instanceof Float32Array ? values : Float32Array.from(values),
    ...(name !== undefined && { name }),
  });
}

/** A constant without axes. */
export function scalar(value: number): Tensor {
  return constant([value], []);
}

/** All tensors on which `outputs` depend, each after its inputs. */
export function topologicalOrder(outputs: readonly Tensor[]): Tensor[] {
  const order: Tensor[] = [];
  const seen = new Set<Tensor>();
  const stack: { tensor: Tensor; next: number }[] = [];
  for (const output of outputs) {
    if (seen.has(output)) continue;
    seen.add(output);
    stack.push({ tensor: output, next: 0 });
    while (stack.length > 0) {
      const top = stack[stack.length - 1]!;
      const child = top.tensor.inputs[top.next++];
      if (child === undefined) {
        order.push(top.tensor);
        stack.pop();
      } else if (!seen.has(child)) {
        seen.add(child);
        stack.push({ tensor: child, next: 0 });
      }
    }
  }
  return order;
}
