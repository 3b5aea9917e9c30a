import type { NamedShape } from '../mapping/plan-load.ts';
import { densenetArrays, resnet20Arrays, resnetArrays, squeezenetArrays, vggArrays } from './array-lists.ts';

/** A network whose weight files are recognised. */
export interface KnownNetwork {
  readonly name: string;
  /** Parameters and running statistics for three channels and the published classes, by torchvision's names. */
  arrays(): readonly NamedShape[];
}

export const knownNetworks: readonly KnownNetwork[] = [
  ...[11, 13, 16, 19].flatMap((depth) => [
    { name: `vgg${depth}`, arrays: () => vggArrays(depth, false) },
    { name: `vgg${depth}_bn`, arrays: () => vggArrays(depth, true) },
  ]),
  ...[18, 34, 50, 101, 152].map((depth) => ({ name: `resnet${depth}`, arrays: () => resnetArrays(depth) })),
  ...[121, 169, 201].map((depth) => ({ name: `densenet${depth}`, arrays: () => densenetArrays(depth) })),
  { name: 'squeezenet1_0', arrays: squeezenetArrays },
  { name: 'resnet20', arrays: resnet20Arrays },
];

/** The arrays of a known network, or undefined. */
export function arraysOf(network: string): readonly NamedShape[] | undefined {
  return knownNetworks.find(({ name }) => name === network)?.arrays();
}
