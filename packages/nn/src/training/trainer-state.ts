import { NetworkError } from '../errors/network-error.ts';
import { formatShape, sameShape } from '../graph/shape.ts';
import type { NamedArray } from '../weights/safetensors.ts';
import type { NetworkLayout, Placed } from './layout.ts';
import type { StateName } from './step-graph.ts';

/** Everything that a training run needs to go on as if it had never stopped. */
export interface TrainerState {
  /** The network's name, which says its structure. */
  readonly network: string;
  /** Steps done. */
  readonly step: number;
  /** `<state vector>/<parameter or statistic>`, e.g. 'secondMoment/encoder0.conv1.weight'. */
  readonly arrays: Readonly<Record<string, NamedArray>>;
}

export type FlatState = Readonly<Partial<Record<StateName, Float32Array>>>;

function placesOf(name: string, layout: NetworkLayout): readonly Placed[] {
  return name === 'statistics' || name === 'averageStatistics' ? layout.statistics : layout.parameters;
}

/** Gives every part of the flat vectors its name; the arrays are views, not copies. */
export function nameState(flat: FlatState, layout: NetworkLayout): TrainerState['arrays'] {
  const arrays: Record<string, NamedArray> = {};
  for (const [state, values] of Object.entries(flat)) {
    for (const { name, shape, offset, size } of placesOf(state, layout)) {
      arrays[`${state}/${name}`] = { shape, values: values.subarray(offset, offset + size) };
    }
  }
  return arrays;
}

/** Puts named arrays back into flat vectors; throws a `NetworkError` that lists what does not fit. */
export function flattenState(
  { arrays, network }: TrainerState,
  expected: Readonly<Partial<Record<StateName, number>>>,
  layout: NetworkLayout,
  networkName: string,
): Record<string, Float32Array> {
  const flat: Record<string, Float32Array> = {};
  const problems: string[] = [];
  const known = new Set<string>();
  for (const [state, length] of Object.entries(expected)) {
    const values = new Float32Array(length);
    for (const { name, shape, offset } of placesOf(state, layout)) {
      const key = `${state}/${name}`;
      known.add(key);
      const array = arrays[key];
      if (array === undefined) problems.push(`${key} is missing`);
      else if (!sameShape(array.shape, shape)) {
        problems.push(`${key} is ${formatShape(array.shape)}, expected ${formatShape(shape)}`);
      } else values.set(array.values, offset);
    }
    flat[state] = values;
  }
  for (const key of Object.keys(arrays)) if (!known.has(key)) problems.push(`${key} is not wanted`);
  if (problems.length > 0) {
    const shown = problems.slice(0, 5).join('; ');
    throw new NetworkError(
      'state-mismatch',
      `The saved state of '${network}' does not fit '${networkName}': ${shown}${problems.length > 5 ? `; and ${problems.length - 5} more` : ''}.`,
    );
  }
  return flat;
}
