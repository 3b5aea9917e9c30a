import { NetworkError } from '../../errors/network-error.ts';
import type { TorchPlace } from '../keras/keras-names.ts';
import { isBatchCounter } from '../mapping/array-names.ts';
import { type LoadPlan, type NamedShape, planLoad } from '../mapping/plan-load.ts';
import { knownNetworks } from './known-networks.ts';

/** Which network a list of arrays is of. */
export interface Recognition {
  readonly network: string;
  /** How the arrays of the file go into the network, for three channels and the published classes. */
  readonly plan: LoadPlan;
}

/** Least share of arrays that file and network have in common, of all that either has. */
const leastShare = 0.5;

/**
 * Recognises VGG, ResNet, DenseNet and SqueezeNet by the names and shapes of their arrays; prefixes, other numbers of
 * channels or classes, and missing parts (a head, a last stage) do not matter. Undefined when it is none of them.
 * @param places names of another library's file in the terms of PyTorch
 */
export function recogniseNetwork(
  arrays: readonly NamedShape[],
  places?: ReadonlyMap<string, TorchPlace>,
): Recognition | undefined {
  let best: Recognition | undefined;
  let bestShare = leastShare;
  for (const known of knownNetworks) {
    const plan = tryPlan(known.arrays(), arrays, places);
    if (plan === undefined) continue;
    const { loaded, missing, skipped } = plan.report;
    const strange = skipped.filter(({ name }) => !isBatchCounter(name)).length;
    const share = loaded.length / (loaded.length + missing.length + strange);
    if (share > bestShare) {
      best = { network: known.name, plan };
      bestShare = share;
    }
  }
  return best;
}

function tryPlan(
  wanted: readonly NamedShape[],
  arrays: readonly NamedShape[],
  places: ReadonlyMap<string, TorchPlace> | undefined,
): LoadPlan | undefined {
  try {
    return planLoad(wanted, arrays, { places });
  } catch (error) {
    if (error instanceof NetworkError) return undefined;
    throw error;
  }
}
