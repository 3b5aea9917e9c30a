import { input } from '../graph/tensor.ts';
import { channelBlockProbe } from '../onnx/channel-blocks.ts';
import { writeModel } from '../onnx/write-model.ts';
import { openEngine } from './engine.ts';

let known: Promise<number> | undefined;

/**
 * How many channels the CPU kernels of ONNX Runtime keep together on this machine: 16 with AVX-512, 8 with AVX2;
 * 1 where it has no such kernels. Asked once per process, by running one of them on four channels.
 */
export function probeChannelBlock(): Promise<number> {
  known ??= probe();
  return known;
}

async function probe(): Promise<number> {
  const outputs = { y: channelBlockProbe(input('x', [1, 4, 1, 1])) };
  try {
    const engine = await openEngine(writeModel({ name: 'probe', outputs }), { threads: 1 });
    try {
      const { y } = await engine.send({
        kind: 'run',
        feeds: { x: { data: new Float32Array(4), dims: [1, 4, 1, 1] } },
      });
      return y!.dims[1]!;
    } finally {
      await engine.close();
    }
  } catch {
    // Another build of ONNX Runtime, or another processor: plain ONNX runs everywhere.
    return 1;
  }
}
