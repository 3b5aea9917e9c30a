import type { ModelDescription } from '../onnx/write-model.ts';
import { probeChannelBlock } from './probe-blocks.ts';

/** How `writeModel` writes a training graph for an execution provider: for the CPU of this machine, or portable. */
export async function trainingForm(
  provider = 'cpu',
  kernels: 'fast' | 'plain' = 'fast',
): Promise<Pick<ModelDescription, 'channelBlock' | 'portable'>> {
  if (provider !== 'cpu') return { portable: true };
  return kernels === 'plain' ? {} : { channelBlock: await probeChannelBlock() };
}
