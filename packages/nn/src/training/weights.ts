import { NetworkError } from '../errors/network-error.ts';
import { formatShape, type Shape, sameShape } from '../graph/shape.ts';
import type { NamedArray } from '../weights/safetensors.ts';

/**
 * The numbers of a network: its parameters, and the running statistics of its norms as `name.running_mean` and
 * `name.running_var`, as torchvision names them.
 */
export type Weights = Readonly<Record<string, NamedArray>>;

/** The array `name`; throws a `NetworkError` ('state-mismatch') when it is missing or has another shape. */
export function weightOf(weights: Weights, name: string, shape: Shape): NamedArray {
  const found = Object.hasOwn(weights, name) ? weights[name] : undefined;
  if (found === undefined || !sameShape(found.shape, shape)) {
    throw new NetworkError(
      'state-mismatch',
      `The network needs '${name}' ${formatShape(shape)}; the weights ${found === undefined ? 'have no such array' : `have ${formatShape(found.shape)}`}.`,
    );
  }
  return found;
}
