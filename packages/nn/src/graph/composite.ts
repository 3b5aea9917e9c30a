import { apply, attributesOf, type Operator, type Tensor, topologicalOrder } from './tensor.ts';

export interface CompositeAttributes {
  readonly name: string;
  readonly gradient: (upstream: Tensor, needed: readonly boolean[]) => readonly (Tensor | undefined)[];
  /** The same value in the form for inference, from the sources: where it need not share parts with a gradient. */
  readonly inference?: ((...sources: Tensor[]) => Tensor) | undefined;
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
  inference?: CompositeAttributes['inference'],
): Tensor {
  return apply(compositeOperator, [body, ...sources], { name, gradient, inference });
}

/** The hand-written gradient of a composite. */
export function gradientOf(composite: Tensor): CompositeAttributes['gradient'] {
  return attributesOf(compositeOperator, composite).gradient;
}

/** The same graph with the forms for inference in place of composites that have one. */
export function inferenceForm(outputs: readonly Tensor[]): Tensor[] {
  const made = new Map<Tensor, Tensor>();
  for (const tensor of topologicalOrder(outputs)) {
    const inputs = tensor.inputs.map((source) => made.get(source)!);
    const inference =
      tensor.operator.name === compositeOperator.name
        ? attributesOf(compositeOperator, tensor).inference
        : undefined;
    const isSame = inputs.every((source, index) => source === tensor.inputs[index]);
    const rebuilt = isSame ? tensor : apply(tensor.operator, inputs, tensor.attributes);
    made.set(tensor, inference?.(...inputs.slice(1)) ?? rebuilt);
  }
  return outputs.map((output) => made.get(output)!);
}

/** The tensor itself, or what a composite was built as. */
export function bodyOf(tensor: Tensor): Tensor {
  return tensor.operator.name === compositeOperator.name ? bodyOf(tensor.inputs[0]!) : tensor;
}
