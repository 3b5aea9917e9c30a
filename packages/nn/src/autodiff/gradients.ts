import { NetworkError } from '../errors/network-error.ts';
import { formatShape, sameShape } from '../graph/shape.ts';
import { scalar, type Tensor, topologicalOrder } from '../graph/tensor.ts';
import { add } from '../operators/elementwise.ts';
import { zeros } from '../operators/fill.ts';

/**
 * Reverse-mode differentiation: d`loss`/d`parameters`, as new graph.
 * `loss` must be a scalar. A parameter on which the loss does not depend gets zeros.
 */
export function gradients(loss: Tensor, parameters: readonly Tensor[]): Tensor[] {
  if (loss.shape.length !== 0) {
    throw new NetworkError(
      'shape-mismatch',
      `gradients: the loss must be a scalar, found ${formatShape(loss.shape)}`,
    );
  }
  const wanted = new Set(parameters);
  const order = topologicalOrder([loss]);
  const needed = new Set<Tensor>();
  for (const tensor of order) {
    if (wanted.has(tensor) || flowingInputs(tensor).some((source) => needed.has(source))) needed.add(tensor);
  }
  const upstream = new Map<Tensor, Tensor>([[loss, scalar(1)]]);
  for (const tensor of order.toReversed()) {
    const dy = upstream.get(tensor);
    if (dy === undefined || !needed.has(tensor) || wanted.has(tensor)) continue;
    const { operator } = tensor;
    if (operator.gradient === undefined) {
      throw new NetworkError('not-differentiable', `${operator.name} has no gradient`);
    }
    const flows = tensor.inputs.map((source) => needed.has(source));
    const results = operator.gradient(tensor, dy, flows);
    for (const [index, source] of tensor.inputs.entries()) {
      const dx = results[index];
      if (dx === undefined || !flows[index]) continue;
      if (!sameShape(dx.shape, source.shape)) {
        throw new NetworkError(
          'shape-mismatch',
          `gradient of ${operator.name}: input ${index} is ${formatShape(source.shape)}, its gradient ${formatShape(dx.shape)}`,
        );
      }
      const sum = upstream.get(source);
      upstream.set(source, sum === undefined ? dx : add(sum, dx));
    }
  }
  return parameters.map((parameter) => upstream.get(parameter) ?? zeros(parameter.shape));
}

/** A composite's body carries no gradient of its own: its sources do. */
function flowingInputs(tensor: Tensor): readonly Tensor[] {
  return tensor.operator.name === 'composite' ? tensor.inputs.slice(1) : tensor.inputs;
}
