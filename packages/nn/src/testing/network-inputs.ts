import { input, type Tensor } from '../graph/tensor.ts';
import type { ParameterSpec, ScopeSource } from '../layers/scope.ts';
import { batchNorm, batchNormWithStatistics } from '../operators/batch-norm.ts';

/** A network's parameters and running statistics as inputs of its graph, by name, in the order of their declaration. */
export interface NetworkInputs {
  readonly source: ScopeSource;
  readonly parameters: ReadonlyMap<string, Tensor>;
  readonly specs: ReadonlyMap<string, ParameterSpec>;
  /** `name.running_mean` and `name.running_var`; in training, batch norm does not read them. */
  readonly statistics: ReadonlyMap<string, Tensor>;
}

/** A source for `network.forward` that fills itself while the network is built. Nothing is dropped out. */
export function networkInputs(mode: 'training' | 'evaluation'): NetworkInputs {
  const parameters = new Map<string, Tensor>();
  const specs = new Map<string, ParameterSpec>();
  const statistics = new Map<string, Tensor>();
  const declare = (map: Map<string, Tensor>, name: string, shape: readonly number[]) => {
    if (map.has(name)) throw new Error(`${name} is declared twice`);
    const tensor = input(name, shape);
    map.set(name, tensor);
    return tensor;
  };
  return {
    parameters,
    specs,
    statistics,
    source: {
      parameter: (name, spec) => {
        specs.set(name, spec);
        return declare(parameters, name, spec.shape);
      },
      batchNorm: (name, x, { gamma, beta }, { epsilon }) => {
        const mean = declare(statistics, `${name}.running_mean`, gamma.shape);
        const variance = declare(statistics, `${name}.running_var`, gamma.shape);
        return mode === 'training'
          ? batchNorm(x, gamma, beta, epsilon).result
          : batchNormWithStatistics(x, gamma, beta, mean, variance, epsilon);
      },
      dropout: (_, x) => x,
    },
  };
}
