import { densenet40 } from '@glisson/nn/models/cifar-densenet';
import { densenet } from '@glisson/nn/models/densenet';
import type { Network } from '@glisson/nn/models/network';
import { patchCnn } from '@glisson/nn/models/patch-cnn';
import { resnet } from '@glisson/nn/models/resnet';
import { squeezenet } from '@glisson/nn/models/squeezenet';
import { vgg } from '@glisson/nn/models/vgg';

/** What may be chosen about a network that is named, where it has a choice. */
export interface NetworkChoices {
  /** Default 3; 1 for patch-small. */
  readonly inputChannels?: number;
  /** Of vgg: linear layers 4096 wide, or one on the means of the last maps. Default 'fc'. */
  readonly head?: 'pooled' | 'fc';
  /** Default 'same'; 'valid' pads nothing. patch-small never pads. */
  readonly padding?: 'same' | 'valid';
}

const classes = 2;

const networks: Readonly<Record<string, (choices: NetworkChoices) => Network>> = {
  'patch-small': ({ inputChannels = 1 }) => patchCnn({ inputChannels, classes }),
  vgg11: (choices) => vgg({ ...choices, depth: 11, classes }),
  vgg13: (choices) => vgg({ ...choices, depth: 13, classes }),
  vgg16: (choices) => vgg({ ...choices, depth: 16, classes }),
  vgg19: (choices) => vgg({ ...choices, depth: 19, classes }),
  resnet18: ({ head: _, ...choices }) => resnet({ ...choices, depth: 18, classes }),
  resnet34: ({ head: _, ...choices }) => resnet({ ...choices, depth: 34, classes }),
  resnet50: ({ head: _, ...choices }) => resnet({ ...choices, depth: 50, classes }),
  densenet121: ({ head: _, ...choices }) => densenet({ ...choices, depth: 121, classes }),
  densenet169: ({ head: _, ...choices }) => densenet({ ...choices, depth: 169, classes }),
  'densenet40-12': ({ head: _, ...choices }) => densenet40({ ...choices, classes }),
  squeezenet: ({ head: _, ...choices }) => squeezenet({ ...choices, classes }),
};

export const networkNames = Object.keys(networks);

/** A classifier of two classes by its name (also with 'patch-' before it, as recipes are called); undefined: none such. */
export function namedNetwork(
  name: string,
  { inputChannels, head, padding }: NetworkChoices = {},
): Network | undefined {
  const key = Object.hasOwn(networks, name) ? name : name.replace(/^patch-/, '');
  return Object.hasOwn(networks, key) ? networks[key]!({ inputChannels, head, padding }) : undefined;
}

/** Side of the patches that a network is meant for. */
export function usualPatch(network: Network): number {
  return network.name.startsWith('patch-cnn') ? 65 : 257;
}
