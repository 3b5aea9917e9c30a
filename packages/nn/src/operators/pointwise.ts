import { NetworkError } from '../errors/network-error.ts';
import { broadcastShapes, type ElementType, formatShape, sizeOf } from '../graph/shape.ts';
import type { OnnxAttribute, Operator, Tensor } from '../graph/tensor.ts';
import { emitElementwise } from '../onnx/blocked-elementwise.ts';
import { stretched } from '../reference/walk.ts';
import { sumToShape } from './reduce.ts';

export type None = Record<string, never>;

export interface Pointwise {
  readonly name: string;
  /** Type of the ONNX node. */
  readonly onnx: string;
  readonly onnxAttributes?: Readonly<Record<string, OnnxAttribute>>;
  /** Element type of the inputs; default float32. */
  readonly operand?: ElementType;
  /** Element type of the result; default that of the inputs. */
  readonly result?: ElementType;
  readonly value: (...x: number[]) => number;
  /** Gradients by input, made on demand, in the shape of the result. */
  readonly gradient?: (upstream: Tensor, inputs: readonly Tensor[], result: Tensor) => (() => Tensor)[];
}

/** An operator on corresponding elements of one to three inputs, which are stretched by NumPy's rule. */
export function pointwise(definition: Pointwise): Operator<None> {
  const { name, operand = 'float32', gradient, onnx: type, onnxAttributes } = definition;
  return {
    name,
    elementwise: true,
    infer: (inputs) => {
      if (inputs.some((input) => input.type !== operand)) {
        throw new NetworkError(
          'type-mismatch',
          `${name}: expected ${operand}, found ${inputs.map((input) => `${input.type} ${formatShape(input.shape)}`).join(', ')}`,
        );
      }
      const shape = inputs.map((t) => t.shape).reduce((a, b) => broadcastShapes(a, b, name));
      return { shape, type: definition.result ?? operand };
    },
    ...(gradient && {
      gradient: (result, upstream, needed) =>
        gradient(upstream, result.inputs, result).map((build, index) =>
          needed[index] ? sumToShape(build(), result.inputs[index]!.shape) : undefined,
        ),
    }),
    emit: (result, names, onnx) => emitElementwise(onnx, type, result, result.inputs, names, onnxAttributes),
    evaluate: (result, inputs) => {
      const [a, b, c] = inputs.map(({ shape, values }) => stretched(values, shape, result.shape));
      const values = new Float64Array(sizeOf(result.shape));
      const { value } = definition;
      if (c !== undefined) for (let i = 0; i < values.length; i++) values[i] = value(a![i]!, b![i]!, c[i]!);
      else if (b !== undefined) for (let i = 0; i < values.length; i++) values[i] = value(a![i]!, b[i]!);
      else for (let i = 0; i < values.length; i++) values[i] = value(a![i]!);
      return values;
    },
  };
}
