import type { NamedShape } from '../mapping/plan-load.ts';

/** Lists of the arrays that well-known networks have, by torchvision's names: [O, I, KH, KW], without batch counters. */

function convolution(name: string, outputs: number, inputs: number, size: number): NamedShape {
  return { name: `${name}.weight`, shape: [outputs, inputs, size, size] };
}

function bias(name: string, outputs: number): NamedShape {
  return { name: `${name}.bias`, shape: [outputs] };
}

function linear(name: string, outputs: number, inputs: number): NamedShape[] {
  return [{ name: `${name}.weight`, shape: [outputs, inputs] }, bias(name, outputs)];
}

function batchNorm(name: string, channels: number): NamedShape[] {
  return ['weight', 'bias', 'running_mean', 'running_var'].map((part) => ({
    name: `${name}.${part}`,
    shape: [channels],
  }));
}

/** Convolutions of each stage of VGG (Simonyan and Zisserman, 2015); a pool follows each stage. */
const vggStages: Readonly<Record<number, readonly number[]>> = {
  11: [1, 1, 2, 2, 2],
  13: [2, 2, 2, 2, 2],
  16: [2, 2, 3, 3, 3],
  19: [2, 2, 4, 4, 4],
};

/** @param depth 11, 13, 16 or 19 */
export function vggArrays(depth: number, withBatchNorm: boolean): readonly NamedShape[] {
  const arrays: NamedShape[] = [];
  let channels = 3;
  /** Layers are numbered with their activations and pools. */
  let layer = 0;
  vggStages[depth]!.forEach((convolutions, stage) => {
    const outputs = Math.min(64 * 2 ** stage, 512);
    for (let i = 0; i < convolutions; i++) {
      arrays.push(convolution(`features.${layer}`, outputs, channels, 3), bias(`features.${layer}`, outputs));
      if (withBatchNorm) arrays.push(...batchNorm(`features.${++layer}`, outputs));
      channels = outputs;
      layer += 2;
    }
    layer++;
  });
  return [
    ...arrays,
    ...linear('classifier.0', 4096, 512 * 7 * 7),
    ...linear('classifier.3', 4096, 4096),
    ...linear('classifier.6', 1000, 4096),
  ];
}

/** Blocks of each stage of ResNet (He et al., 2016), and whether they are bottlenecks. */
const resnetStages: Readonly<
  Record<number, { readonly blocks: readonly number[]; readonly bottleneck: boolean }>
> = {
  18: { blocks: [2, 2, 2, 2], bottleneck: false },
  34: { blocks: [3, 4, 6, 3], bottleneck: false },
  50: { blocks: [3, 4, 6, 3], bottleneck: true },
  101: { blocks: [3, 4, 23, 3], bottleneck: true },
  152: { blocks: [3, 8, 36, 3], bottleneck: true },
};

/** @param depth 18, 34, 50, 101 or 152 */
export function resnetArrays(depth: number): readonly NamedShape[] {
  const { blocks, bottleneck } = resnetStages[depth]!;
  const arrays = [convolution('conv1', 64, 3, 7), ...batchNorm('bn1', 64)];
  let channels = 64;
  blocks.forEach((count, stage) => {
    const width = 64 * 2 ** stage;
    const outputs = bottleneck ? width * 4 : width;
    for (let block = 0; block < count; block++) {
      const at = `layer${stage + 1}.${block}`;
      const sizes: [outputs: number, inputs: number, kernel: number][] = bottleneck
        ? [
            [width, channels, 1],
            [width, width, 3],
            [outputs, width, 1],
          ]
        : [
            [width, channels, 3],
            [width, width, 3],
          ];
      sizes.forEach(([to, from, kernel], i) => {
        arrays.push(
          convolution(`${at}.conv${i + 1}`, to, from, kernel),
          ...batchNorm(`${at}.bn${i + 1}`, to),
        );
      });
      if (block === 0 && channels !== outputs) {
        arrays.push(
          convolution(`${at}.downsample.0`, outputs, channels, 1),
          ...batchNorm(`${at}.downsample.1`, outputs),
        );
      }
      channels = outputs;
    }
  });
  return [...arrays, ...linear('fc', 1000, channels)];
}

/** The ResNet of 20 layers for CIFAR-10 (He et al., 2016, section 4.2); shortcuts without parameters. */
export function resnet20Arrays(): readonly NamedShape[] {
  const arrays = [convolution('conv1', 16, 3, 3), ...batchNorm('bn1', 16)];
  let channels = 16;
  for (const [stage, width] of [16, 32, 64].entries()) {
    for (let block = 0; block < 3; block++) {
      const at = `layer${stage + 1}.${block}`;
      arrays.push(convolution(`${at}.conv1`, width, channels, 3), ...batchNorm(`${at}.bn1`, width));
      arrays.push(convolution(`${at}.conv2`, width, width, 3), ...batchNorm(`${at}.bn2`, width));
      channels = width;
    }
  }
  return [...arrays, ...linear('linear', 10, 64)];
}

const densenetBlocks: Readonly<Record<number, readonly number[]>> = {
  121: [6, 12, 24, 16],
  169: [6, 12, 32, 32],
  201: [6, 12, 48, 32],
};

/** DenseNet of growth rate 32 (Huang et al., 2017). @param depth 121, 169 or 201 */
export function densenetArrays(depth: number): readonly NamedShape[] {
  const growth = 32;
  const arrays = [convolution('features.conv0', 64, 3, 7), ...batchNorm('features.norm0', 64)];
  let channels = 64;
  const blocks = densenetBlocks[depth]!;
  blocks.forEach((layers, index) => {
    const number = index + 1;
    for (let layer = 1; layer <= layers; layer++) {
      const at = `features.denseblock${number}.denselayer${layer}`;
      arrays.push(...batchNorm(`${at}.norm1`, channels), convolution(`${at}.conv1`, 4 * growth, channels, 1));
      arrays.push(...batchNorm(`${at}.norm2`, 4 * growth), convolution(`${at}.conv2`, growth, 4 * growth, 3));
      channels += growth;
    }
    if (number < blocks.length) {
      const at = `features.transition${number}`;
      arrays.push(...batchNorm(`${at}.norm`, channels), convolution(`${at}.conv`, channels / 2, channels, 1));
      channels /= 2;
    }
  });
  return [...arrays, ...batchNorm('features.norm5', channels), ...linear('classifier', 1000, channels)];
}

/** SqueezeNet 1.0 (Iandola et al., 2016). */
export function squeezenetArrays(): readonly NamedShape[] {
  const withBias = (name: string, outputs: number, inputs: number, size: number) => [
    convolution(name, outputs, inputs, size),
    bias(name, outputs),
  ];
  const arrays = withBias('features.0', 96, 3, 7);
  let channels = 96;
  const fires: readonly [layer: number, squeeze: number, expand: number][] = [
    [3, 16, 64],
    [4, 16, 64],
    [5, 32, 128],
    [7, 32, 128],
    [8, 48, 192],
    [9, 48, 192],
    [10, 64, 256],
    [12, 64, 256],
  ];
  for (const [layer, squeeze, expand] of fires) {
    const at = `features.${layer}`;
    arrays.push(...withBias(`${at}.squeeze`, squeeze, channels, 1));
    arrays.push(...withBias(`${at}.expand1x1`, expand, squeeze, 1));
    arrays.push(...withBias(`${at}.expand3x3`, expand, squeeze, 3));
    channels = 2 * expand;
  }
  return [...arrays, ...withBias('classifier.1', 1000, 512, 1)];
}
