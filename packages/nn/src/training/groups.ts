import { NetworkError } from '../errors/network-error.ts';

import { checkOptions, checkValue, type Rules } from '../options/check-options.ts';
import { flag, fromZero, listOf, objectWith, optional, text } from '../options/rules.ts';

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

const rules: Rules<ParameterGroup> = {
  names: listOf('names of parameters or places', text),
  learningRate: optional(fromZero),
  weightDecay: optional(fromZero),
  frozen: optional(flag),
};

/** What `treatmentsOf` and `regroup` take. */
export const someGroups = listOf("groups, such as { names: ['conv1'], frozen: true }", objectWith('', {}));

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
  checkValue('groups', groups, someGroups);
  for (const [i, group] of groups.entries()) {
    checkOptions(`groups: group ${i}`, group, rules);
    checkPlaces(group, parameters);
  }
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

function checkPlaces({ names }: ParameterGroup, parameters: readonly { readonly name: string }[]): void {
  for (const place of names) {
    if (parameters.some(({ name }) => isWithin(name, place))) continue;
    const places = [...new Set(parameters.map(({ name }) => name.split('.')[0]))].join(', ');
    throw new NetworkError(
      'value-invalid',
      `A group names '${place}', but the network has no parameter of that name or below it. Its places are: ${places}.`,
    );
  }
}
