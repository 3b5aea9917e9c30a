import { NetworkError } from '../errors/network-error.ts';
import { formatShape, sizeOf } from '../graph/shape.ts';
import { inputOperator, type ReferenceArray, type Tensor, topologicalOrder } from '../graph/tensor.ts';

/**
 * Computes `outputs` in float64, operator by operator: slow, plain, and what every gradient is checked against.
 * `feeds` holds the numbers of each input tensor, row-major.
 */
export function evaluate(
  outputs: readonly Tensor[],
  feeds: ReadonlyMap<Tensor, ArrayLike<number>>,
): Float64Array[] {
  const results = new Map<Tensor, ReferenceArray>();
  for (const tensor of topologicalOrder(outputs)) {
    const fed = feeds.get(tensor);
    if (fed !== undefined && fed.length !== sizeOf(tensor.shape)) {
      throw new NetworkError('shape-mismatch', `fed ${fed.length} numbers to ${formatShape(tensor.shape)}`);
    }
    if (fed === undefined && tensor.operator.name === inputOperator.name)
      tensor.operator.evaluate(tensor, []);
    const values = fed
      ? Float64Array.from(fed)
      : tensor.operator.evaluate(
          tensor,
          tensor.inputs.map((source) => results.get(source)!),
        );
    results.set(tensor, { shape: tensor.shape, values });
  }
  return outputs.map((output) => results.get(output)!.values);
}
