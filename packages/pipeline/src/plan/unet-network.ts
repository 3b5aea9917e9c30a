import type { Network } from '@glisson/nn/models/network';
import { unet2d } from '@glisson/nn/models/unet-2d';
import type { NetworkPlan } from './plan.ts';

/** The U-Net of a plan: `family` only says which kind of plan it is, and is no option of the network. */
export function unetNetwork({ family: _, ...spec }: NetworkPlan): Network {
  return unet2d(spec);
}
