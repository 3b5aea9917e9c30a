import { readModel } from '../onnx/read-model.ts';
import { tensorValues } from '../onnx/tensor-values.ts';
import type { Weights } from './weights.ts';

/**
 * The numbers of a network from a model that `exportModel` wrote with `named`: parameters and running statistics under
 * their names, and constants of the graph besides. Throws a `NetworkError` ('damaged').
 */
export function namedWeights(model: Uint8Array): Weights {
  const { initializers } = readModel(model).graph;
  return Object.fromEntries(
    initializers
      .filter(({ type }) => type === 'float32')
      .map((tensor) => [tensor.name, { shape: tensor.shape, values: tensorValues(tensor) as Float32Array }]),
  );
}
