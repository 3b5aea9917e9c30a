import { NetworkError } from '@glisson/nn/errors/network-error';
import type { Network } from '@glisson/nn/models/network';
import { declarationsOf } from '@glisson/nn/training/declarations';
import { type ParameterGroup, treatmentsOf } from '@glisson/nn/training/groups';
import { PipelineError } from '../../errors/pipeline-error.ts';
import { frozenPlaces } from '../../plan/frozen-parts.ts';
import type { PatchPlan } from '../../plan/patch-plan.ts';

type GroupsPlan = Pick<PatchPlan, 'network' | 'training'>;

/** Groups of a step (from 0). Frozen layers first: the first group that names a parameter counts. */
export function groupsAt(plan: GroupsPlan, step: number): ParameterGroup[] {
  const { training } = plan;
  const epoch = Math.floor(step / training.stepsPerEpoch) + 1;
  const { frozen, groups } = training.transfer;
  const parts = frozenPlaces(plan);
  return [
    ...(parts.length > 0 ? [{ names: parts, frozen: true }] : []),
    ...frozen
      .filter(({ untilEpoch }) => untilEpoch === null || epoch < untilEpoch)
      .map(({ names }) => ({ names, frozen: true })),
    ...groups.map(({ names, learningRateFactor, weightDecay }) => ({
      names,
      learningRate: learningRateFactor,
      ...(weightDecay !== null && { weightDecay }),
    })),
  ];
}

/** What of groups concerns a part of the network: places that have parameters there. */
export function groupsWithin(
  groups: readonly ParameterGroup[],
  network: Network,
  imageShape: readonly number[],
): ParameterGroup[] {
  const { parameters } = declarationsOf(network, imageShape);
  const isThere = (place: string) =>
    parameters.some(({ name }) => name === place || name.startsWith(`${place}.`));
  return groups
    .map((group) => ({ ...group, names: group.names.filter(isThere) }))
    .filter(({ names }) => names.length > 0);
}

/** @throws PipelineError `option-invalid` when a group names no layer of the network, or none learns */
export function assertGroups(plan: GroupsPlan, network: Network, imageShape: readonly number[]): void {
  const { parameters } = declarationsOf(network, imageShape);
  const { optimiser } = plan.training;
  try {
    treatmentsOf(parameters, groupsAt(plan, 0), optimiser.weightDecay);
  } catch (error) {
    if (!(error instanceof NetworkError)) throw error;
    throw new PipelineError('option-invalid', 'The plan treats layers that the network does not have.', {
      where: 'training.transfer',
      found: error.message.replace(/\.$/, ''),
      expected: `layers of ${plan.network.family}`,
      cause: error,
    });
  }
}
