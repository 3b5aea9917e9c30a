import { NetworkError } from '../errors/network-error.ts';
import type { Shape } from '../graph/shape.ts';
import { chain } from '../layers/layer.ts';
import { defineNetwork, type Network, type NetworkPart, outputShape } from './network.ts';

/** A classifier cut in two between its parts; parameters keep their names. */
export interface SplitNetwork {
  /** From an image to its features [N, C, ...S]. */
  readonly trunk: Network;
  /** From features to the logits of the whole. */
  readonly head: Network;
  /** Of the features of images of the shape that was given. */
  readonly featureShape: Shape;
}

/**
 * Cuts a classifier before one of its parts, so that features of a trunk that does not learn can be computed once.
 * The head takes features of the one size only that images of `imageShape` [N, C, ...S] have.
 * @param count parts of the trunk, from 1; parts without parameters that follow it join it, as poolings make features small
 * Throws a `NetworkError` ('value-invalid') when the network has no parts, or nothing would be left on one side.
 */
export function splitNetwork(network: Network, count: number, imageShape: Shape): SplitNetwork {
  const { parts = [], ...description } = network;
  let cut = count;
  while (cut > 0 && cut < parts.length && parts[cut]?.places.length === 0) cut++;
  if (!(Number.isInteger(count) && count > 0 && cut < parts.length)) {
    throw new NetworkError(
      'value-invalid',
      `splitNetwork: ${network.name} has ${parts.length} parts, of which the last is the head: it cannot be cut after ${count}`,
    );
  }
  const { headBias, ...unbiased } = description;
  const trunk = defineNetwork(
    { ...unbiased, name: `${network.name}, first ${cut} parts` },
    layersOf(parts.slice(0, cut)),
  );
  const featureShape = outputShape(trunk, imageShape);
  const head = defineNetwork(
    {
      ...description,
      name: `${network.name}, from part ${cut + 1} on`,
      inputChannels: featureShape[1]!,
      smallestSize: featureShape.slice(2),
    },
    layersOf(parts.slice(cut)),
  );
  return { trunk, head, featureShape };
}

/** How many of the first parts have all their parameters in places for which `isFrozen` is true. */
export function frozenParts(network: Network, isFrozen: (place: string) => boolean): number {
  const { parts = [] } = network;
  const free = parts.findIndex(({ places }) => !places.every(isFrozen));
  return free < 0 ? parts.length : free;
}

function layersOf(parts: readonly NetworkPart[]) {
  return chain(...parts.map(({ layer }) => layer));
}
