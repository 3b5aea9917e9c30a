import { frozenParts } from '@glisson/nn/models/split-network';
import { patchNetwork } from '../patches/patch-network.ts';
import type { PatchNetwork, PatchPlan } from './patch-plan.ts';

type TransferPlan = Pick<PatchPlan, 'network'> & {
  readonly training: Pick<PatchPlan['training'], 'transfer'>;
};

/** Parts of a network before its head that have parameters. */
export function trunkParts(network: PatchNetwork): number {
  const { parts = [] } = patchNetwork(network);
  return parts.slice(0, -1).filter(({ places }) => places.length > 0).length;
}

/** Places of the parts that `frozenParts` of the plan freezes. */
export function frozenPlaces({ network, training }: TransferPlan): string[] {
  const { frozenParts: count = 0 } = training.transfer;
  const { parts = [] } = patchNetwork(network);
  const trunk = parts.slice(0, -1).filter(({ places }) => places.length > 0);
  return trunk.slice(0, count === 'all' ? trunk.length : count).flatMap(({ places }) => places);
}

/** How many of the network's first parts never learn in a training, by number of parts or by name; not the head. */
export function lastingTrunk(plan: TransferPlan): number {
  const { frozen } = plan.training.transfer;
  const names = [
    ...frozenPlaces(plan),
    ...frozen.filter(({ untilEpoch }) => untilEpoch === null).flatMap((group) => group.names),
  ];
  const network = patchNetwork(plan.network);
  const isFrozen = (place: string) => names.some((name) => place === name || place.startsWith(`${name}.`));
  const count = frozenParts(network, isFrozen);
  return Math.min(count, (network.parts ?? []).length - 1);
}
