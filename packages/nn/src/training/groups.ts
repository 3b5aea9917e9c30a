import { NetworkError } from '../errors/network-error.ts';

/** Parameters that training treats in their own way. */
export interface ParameterGroup {
  /**
   * Names of parameters, or of the places above them: 'encoder0' is all of 'encoder0.conv1.weight' and its
   * neighbours, but not 'encoder01.conv1.weight'.
   */
  readonly names: readonly string[];
  /** Factor on the learning rate of the step; default 1. */
  readonly learningRate?: number;
  /** Instead of the optimiser's; acts on those parameters of the group only that decay at all. */
  readonly weightDecay?: number;
  /**
   * Not trained: constants of the graph, whose gradient is not computed. A batch norm whose gain and shift are frozen
   * normalises with its running statistics and leaves them as they are.
   */
  readonly frozen?: boolean;
}

/** How one parameter is treated. */
export interface Treatment {
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly frozen: boolean;
}

/**
 * The treatment of every parameter: by the first group that names it, else learning rate 1 and the optimiser's decay.
 * Throws a `NetworkError` ('value-invalid') on bad numbers and on a name that is no place in the network.
 */
export function treatmentsOf(
  parameters: readonly { readonly name: string; readonly decays: boolean }[],
  groups: readonly ParameterGroup[],
  weightDecay: number,
): ReadonlyMap<string, Treatment> {
  for (const group of groups) checkGroup(group, parameters);
  return new Map(
    parameters.map(({ name, decays }) => {
      const group = groups.find(({ names }) => names.some((place) => isWithin(name, place)));
      const { learningRate = 1, weightDecay: own = weightDecay, frozen = false } = group ?? {};
      return [name, { learningRate, weightDecay: decays ? own : 0, frozen }];
    }),
  );
}

function isWithin(name: string, place: string): boolean {
  return name === place || name.startsWith(`${place}.`);
}

function checkGroup(
  { names, learningRate = 1, weightDecay = 0 }: ParameterGroup,
  parameters: readonly { readonly name: string }[],
): void {
  for (const [what, value] of Object.entries({ learningRate, weightDecay })) {
    if (!(value >= 0 && Number.isFinite(value))) {
      throw new NetworkError('value-invalid', `The group of '${names.join("', '")}' has ${what} ${value}.`);
    }
  }
  for (const place of names) {
    if (parameters.some(({ name }) => isWithin(name, place))) continue;
    const places = [...new Set(parameters.map(({ name }) => name.split('.')[0]))].join(', ');
    throw new NetworkError(
      'value-invalid',
      `A group names '${place}', but the network has no parameter of that name or below it. Its places are: ${places}.`,
    );
  }
}
