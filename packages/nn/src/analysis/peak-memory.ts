import { bodyOf } from '../graph/composite.ts';
import { sizeOf } from '../graph/shape.ts';
import { type Tensor, topologicalOrder } from '../graph/tensor.ts';

/**
 * The most bytes that the values which depend on `image` take at once, itself included, when the graph runs operator by
 * operator and each value is kept until its last use. What the engine needs besides, for weights and for copies in other
 * layouts, is not counted.
 */
export function peakBytes(outputs: readonly Tensor[], image: Tensor): number {
  const values: Tensor[] = [];
  const counted = new Set<Tensor>();
  for (const tensor of topologicalOrder(outputs)) {
    if (tensor !== image && !tensor.inputs.some((source) => counted.has(source))) continue;
    counted.add(tensor);
    if (bodyOf(tensor) === tensor) values.push(tensor);
  }
  const lastUse = new Map<Tensor, number>();
  for (const [at, tensor] of values.entries()) {
    lastUse.set(tensor, at);
    for (const source of tensor.inputs) lastUse.set(bodyOf(source), at);
  }
  for (const output of outputs) lastUse.set(bodyOf(output), values.length);

  let held = 0;
  let most = 0;
  for (const [at, tensor] of values.entries()) {
    held += 4 * sizeOf(tensor.shape);
    most = Math.max(most, held);
    for (const source of new Set([tensor, ...tensor.inputs.map(bodyOf)])) {
      if (counted.has(source) && lastUse.get(source) === at) held -= 4 * sizeOf(source.shape);
    }
  }
  return most;
}
