import type { Network } from '@glisson/nn/models/network';
import { resnet } from '@glisson/nn/models/resnet';
import { vgg } from '@glisson/nn/models/vgg';

/** All windows of one slice, judged by one network. */
export interface WindowsCase {
  readonly network: Network;
  readonly patchSize: readonly number[];
  /** Of the padded slice. */
  readonly imageSize: readonly number[];
  readonly outputStride: number;
  /** Output stride of the dense network, where it is another: see `denseTiles`. */
  readonly passStride?: number;
}

/** 512 x 512, padded by 128 on all sides; patches of 257. */
const slice = { patchSize: [257, 257], imageSize: [768, 768] };

const cases: Readonly<Record<string, () => WindowsCase>> = {
  'vgg16, pooled head': () => ({
    network: vgg({ depth: 16, classes: 2, head: 'pooled' }),
    ...slice,
    outputStride: 8,
  }),
  'vgg16, fc 4096-4096': () => ({ network: vgg({ depth: 16, classes: 2 }), ...slice, outputStride: 8 }),
  resnet18: () => ({ network: resnet({ depth: 18, classes: 2 }), ...slice, outputStride: 8 }),
  'vgg16, pooled head, stride 7': () => ({
    network: vgg({ depth: 16, classes: 2, head: 'pooled' }),
    ...slice,
    outputStride: 7,
    passStride: 4,
  }),
};

/** Throws on a name that is none of the benchmark's. */
export function windowsCase(name: string): WindowsCase {
  const found = cases[name];
  if (found === undefined) throw new Error(`no case '${name}'; known: ${Object.keys(cases).join('; ')}`);
  return found();
}
