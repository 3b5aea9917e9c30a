import type { Network } from './network.ts';
import { type UNetSpec, unet } from './unet.ts';

export type UNet3dSpec = UNetSpec;

/** U-Net of volumes [N, C, D, H, W]: see `unet`. */
export function unet3d(spec: UNet3dSpec): Network {
  return unet(3, spec);
}
