import { apply, attributesOf, type Operator, type Tensor } from './tensor.ts';

export interface CompositeAttributes {
  readonly name: string;
  readonly gradient: (upstream: Tensor, needed: readonly boolean[]) => readonly (Tensor | undefined)[];
}

/**
 * A result that was built from other operators (its body, the first input) but whose gradient is written by
 * hand, because the hand-written one needs fewer passes over memory. Costs nothing in the ONNX graph.
 */
export const compositeOperator: Operator<CompositeAttributes> = {
  name: 'composite',
  infer: ([body]) => ({ shape: body!.shape, type: body!.type }),
  gradient: (result, upstream, needed) => [
    undefined,
    ...attributesOf(compositeOperator, result).gradient(upstream, needed.slice(1)),
  ],
  emit: (_, [body]) => body!,
  evaluate: (_, [body]) => body!.values,
};

/** Gives `body`, which was computed from `sources`, the gradient `gradient` (one entry per source). */
export function withGradient(
  name: string,
  body: Tensor,
  sources: readonly Tensor[],
  gradient: CompositeAttributes['gradient'],
): Tensor {
  return apply(compositeOperator, [body, ...sources], { name, gradient });
}

/** The tensor itself, or what a composite was built as. */
export function bodyOf(tensor: Tensor): Tensor {
  return tensor.operator.name === compositeOperator.name ? bodyOf(tensor.inputs[0]!) : tensor;
}
