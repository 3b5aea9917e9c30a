import type { Network } from './network.ts';
import { type UNetSpec, unet } from './unet.ts';

export type UNet2dSpec = UNetSpec;

/** U-Net of images [N, C, H, W]: see `unet`. */
export function unet2d(spec: UNet2dSpec): Network {
  return unet(2, spec);
}
