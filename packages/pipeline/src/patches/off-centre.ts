import type { Finding } from '@glisson/imaging/volume/scan';
import { describeNetwork } from '@glisson/nn/analysis/describe-network';
import type { PatchPlan } from '../plan/patch-plan.ts';
import { patchNetwork } from './patch-network.ts';

/**
 * Pixels from the middle of what a network sees of a patch to the pixel that it judges, on either axis. Poolings without
 * padding leave out the last columns and rows that fill no window, and a field of even width has no pixel in its middle.
 * Networks that pad see more than the patch: 0.
 */
export function pixelsOffCentre({ network, training }: Pick<PatchPlan, 'network' | 'training'>): number {
  if (network.padding !== 'valid') return 0;
  const { patchSize } = training;
  const { layers } = describeNetwork(patchNetwork(network), [patchSize, patchSize]);
  // What the head's mean over the last map, or its first linear layer, sees.
  const seen = layers.find(({ field }) => field[0]!.stride === null)!.field[0]!;
  return (patchSize - 1) / 2 - (seen.start + (seen.size - 1) / 2);
}

/** Says it where the judged pixel is not in the middle; nothing where it is. */
export function offCentreFinding(plan: Pick<PatchPlan, 'network' | 'training'>): Finding[] {
  const off = pixelsOffCentre(plan);
  if (off === 0) return [];
  return [
    {
      severity: 'info',
      code: 'patch-off-centre',
      message:
        `The network leaves out the last columns and rows of a patch: what it sees is centred ${off} pixels before the pixel that it judges. ` +
        'patch-small sees all of 65 pixels, and of 8, 16, 24, ... more.',
      where: `training.patchSize ${plan.training.patchSize}`,
    },
  ];
}
