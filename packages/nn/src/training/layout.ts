import { NetworkError } from '../errors/network-error.ts';
import { type Shape, sizeOf } from '../graph/shape.ts';
import { input } from '../graph/tensor.ts';
import { type ParameterSpec, type ScopeSource, scopeOf } from '../layers/scope.ts';
import { type Network, smallestShape } from '../models/network.ts';

/** Where a named array lies in a flat vector. */
export interface Placed {
  readonly name: string;
  readonly shape: Shape;
  readonly offset: number;
  readonly size: number;
}

interface NamedSpec extends ParameterSpec {
  readonly name: string;
}

export interface ParameterLayout extends Placed {
  readonly spec: ParameterSpec;
}

/** How parameters and running statistics of a network lie in two flat vectors. */
export interface NetworkLayout {
  /** Those that decay come first. */
  readonly parameters: readonly ParameterLayout[];
  readonly parameterCount: number;
  /** The first so many numbers belong to parameters that decay. */
  readonly decayCount: number;
  /** `name.running_mean` and `name.running_var` of every norm. */
  readonly statistics: readonly Placed[];
  readonly statisticCount: number;
}

/** Runs the network's forward function once to learn what it declares. */
export function layoutOf(network: Network): NetworkLayout {
  const specs: NamedSpec[] = [];
  const norms: { name: string; shape: Shape }[] = [];
  const source: ScopeSource = {
    parameter: (name, spec) => {
      if (specs.some((other) => other.name === name)) {
        throw new NetworkError('value-invalid', `${network.name} declares the parameter ${name} twice`);
      }
      specs.push({ ...spec, name });
      return input(name, spec.shape);
    },
    dropout: (_, x) => x,
    batchNorm: (name, x) => {
      const shape = [x.shape[1]!];
      norms.push({ name: `${name}.running_mean`, shape }, { name: `${name}.running_var`, shape });
      return x;
    },
  };
  network.forward(scopeOf(source), input('image', smallestShape(network)));
  const decaying = specs.filter((spec) => spec.decays);
  const parameters = place([...decaying, ...specs.filter((spec) => !spec.decays)]).map((placed, index) => ({
    ...placed,
    spec:
      index < decaying.length
        ? decaying[index]!
        : specs.filter((spec) => !spec.decays)[index - decaying.length]!,
  }));
  const statistics = place(norms);
  return {
    parameters,
    parameterCount: total(parameters),
    decayCount: total(parameters.slice(0, decaying.length)),
    statistics,
    statisticCount: total(statistics),
  };
}

function place(items: readonly { readonly name: string; readonly shape: Shape }[]): Placed[] {
  let offset = 0;
  return items.map(({ name, shape }) => {
    const placed = { name, shape, offset, size: sizeOf(shape) };
    offset += placed.size;
    return placed;
  });
}

function total(items: readonly Placed[]): number {
  return items.reduce((sum, { size }) => sum + size, 0);
}
