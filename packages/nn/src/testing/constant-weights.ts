import { constant } from '../graph/tensor.ts';
import type { ScopeSource } from '../layers/scope.ts';
import { batchNormWithStatistics } from '../operators/batch-norm.ts';

/** A trained network's weights and running statistics, by name, as constants of its graph. */
export function constantWeights(values: Readonly<Record<string, Float32Array>>): ScopeSource {
  const fixed = (name: string, shape: readonly number[]) => {
    const found = values[name];
    if (found === undefined) throw new Error(`there is no ${name}`);
    return constant(found, shape);
  };
  return {
    parameter: (name, { shape }) => fixed(name, shape),
    batchNorm: (name, x, { gamma, beta }, { epsilon }) => {
      const [mean, variance] = ['mean', 'var'].map((part) => fixed(`${name}.running_${part}`, gamma.shape));
      return batchNormWithStatistics(x, gamma, beta, mean!, variance!, epsilon);
    },
    dropout: (_, x) => x,
  };
}
