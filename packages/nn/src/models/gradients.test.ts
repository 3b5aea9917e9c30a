import { expect, test } from 'vitest';
import { blockDomain } from '../onnx/channel-blocks.ts';
import { writeModel } from '../onnx/write-model.ts';
import { evaluate } from '../reference/evaluate.ts';
import { probeChannelBlock } from '../runtime/probe-blocks.ts';
import { gradientGraph, jointError } from '../testing/gradient-graph.ts';
import { runGraph } from '../testing/run-graph.ts';
import { unet2d } from './unet-2d.ts';
import { vgg } from './vgg.ts';

const limit = 1e-5;
const classes = 5;
const unet = { classes, inputChannels: 3, levels: 3, convolutionsPerLevel: 2, norm: 'none' } as const;

test.each([
  { network: vgg({ depth: 13, classes, head: 'pooled' }), image: [2, 3, 48, 48] },
  { network: unet2d({ ...unet, baseChannels: 16, maxChannels: 32 }), image: [2, 3, 48, 40] },
])('float32 gives the gradient of $network.name, with plain and with fast kernels', async (entry) => {
  const { gradients, feeds } = gradientGraph(entry.network, entry.image, 5);
  const exact = evaluate(gradients, feeds);
  expect(jointError(await runGraph(gradients, feeds), exact)).toBeLessThan(limit);
  const channelBlock = await probeChannelBlock();
  if (channelBlock === 1) return;
  const outputs = Object.fromEntries(gradients.map((gradient, i) => [`g${i}`, gradient]));
  const fast = writeModel({ name: 'fast', outputs, channelBlock });
  expect(Buffer.from(fast).includes(blockDomain)).toBe(true);
  expect(jointError(await runGraph(gradients, feeds, { channelBlock }), exact)).toBeLessThan(limit);
});
