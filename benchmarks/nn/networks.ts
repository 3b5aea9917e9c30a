import { densenet } from '@glisson/nn/models/densenet';
import { encoderUNet } from '@glisson/nn/models/encoder-unet';
import type { Network } from '@glisson/nn/models/network';
import { resnet } from '@glisson/nn/models/resnet';
import { unet2d } from '@glisson/nn/models/unet-2d';
import { unet3d } from '@glisson/nn/models/unet-3d';
import { vgg } from '@glisson/nn/models/vgg';

export interface NetworkCase {
  readonly network: Network;
  readonly imageShape: readonly number[];
  readonly training: boolean;
  /** Places of the network that are not trained. */
  readonly frozen?: readonly string[];
}

const unet = () =>
  unet2d({
    inputChannels: 1,
    classes: 3,
    baseChannels: 32,
    maxChannels: 256,
    levels: 4,
    convolutionsPerLevel: 2,
  });
const pooledVgg = () => vgg({ depth: 16, classes: 2, head: 'pooled' });

/** The first ten convolutions of VGG16. */
const tenConvolutions = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21].map((index) => `features.${index}`);

const cases: Readonly<Record<string, () => NetworkCase>> = {
  'unet-2d training': () => ({ network: unet(), imageShape: [8, 1, 128, 128], training: true }),
  'unet-3d training': () => ({
    network: unet3d({
      inputChannels: 1,
      classes: 3,
      baseChannels: 16,
      maxChannels: 128,
      levels: 4,
      convolutionsPerLevel: 2,
      norm: 'instance',
    }),
    imageShape: [1, 1, 64, 64, 64],
    training: true,
  }),
  'resnet18-unet training': () => ({
    network: encoderUNet({ encoder: { kind: 'resnet', depth: 18 }, classes: 3 }),
    imageShape: [8, 3, 128, 128],
    training: true,
  }),
  'vgg16 training': () => ({ network: pooledVgg(), imageShape: [16, 3, 64, 64], training: true }),
  'vgg16 training, 4096-wide head': () => ({
    network: vgg({ depth: 16, classes: 2 }),
    imageShape: [16, 3, 64, 64],
    training: true,
  }),
  'vgg16 training, ten convolutions frozen': () => ({
    network: pooledVgg(),
    imageShape: [16, 3, 64, 64],
    training: true,
    frozen: tenConvolutions,
  }),
  'unet-2d inference, 256 px': () => ({ network: unet(), imageShape: [1, 1, 256, 256], training: false }),
  'unet-2d inference, 512 px': () => ({ network: unet(), imageShape: [1, 1, 512, 512], training: false }),
  'vgg16 inference, 1 image': () => classifier(vgg({ depth: 16, classes: 1000 }), 1),
  'vgg16 inference, 8 images': () => classifier(vgg({ depth: 16, classes: 1000 }), 8),
  'resnet50 inference, 1 image': () => classifier(resnet({ depth: 50, classes: 1000 }), 1),
  'resnet50 inference, 8 images': () => classifier(resnet({ depth: 50, classes: 1000 }), 8),
  'densenet121 inference, 1 image': () => classifier(densenet({ depth: 121, classes: 1000 }), 1),
  'densenet121 inference, 8 images': () => classifier(densenet({ depth: 121, classes: 1000 }), 8),
};

function classifier(network: Network, images: number): NetworkCase {
  return { network, imageShape: [images, 3, 224, 224], training: false };
}

/** Throws on a name that is none of the benchmark's. */
export function caseOf(name: string): NetworkCase {
  const found = cases[name];
  if (found === undefined) throw new Error(`no case '${name}'; known: ${Object.keys(cases).join('; ')}`);
  return found();
}
