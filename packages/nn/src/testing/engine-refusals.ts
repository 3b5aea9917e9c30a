import { NetworkError } from '../errors/network-error.ts';
import { input } from '../graph/tensor.ts';
import { writeModel } from '../onnx/write-model.ts';
import { add } from '../operators/elementwise.ts';
import { openEngine } from '../runtime/engine.ts';

export interface Refusal {
  readonly code: string;
  readonly message: string;
}

/**
 * What an engine refuses, with what error, on the platform that this runs on; 'after' and 'working' are what it
 * computes afterwards: the sum of 1 and 0, four times.
 * @param size the length of two vectors whose outer sum does not fit into memory
 */
export async function engineRefusals(
  size: number,
  provider = 'cpu',
): Promise<Record<string, Refusal | readonly number[]>> {
  const outputs = { y: add(input('a', [size, 1]), input('b', [1, size])) };
  const model = writeModel({ name: 'sum', outputs, openAxes: ['N', 'M'] });
  const engine = await openEngine(model, { threads: 1, provider });
  const run = async (n: number, dims = [n, 1]) => {
    const a = { data: new Float32Array(n).fill(1), dims };
    const { y } = await engine.send({
      kind: 'run',
      feeds: { a, b: { data: new Float32Array(n), dims: [1, n] } },
    });
    return [...y!.data];
  };
  const found = {
    provider: await refusal(openEngine(model, { provider: 'abacus' })),
    damaged: await refusal(openEngine(model.subarray(0, 20))),
    shape: await refusal(run(4, [2, 2, 1])),
    working: await run(2),
    memory: await refusal(run(size)),
    after: await run(2),
  };
  await engine.close();
  return { ...found, closed: await refusal(run(2)) };
}

async function refusal(promise: Promise<unknown>): Promise<Refusal> {
  try {
    await promise;
    return { code: 'none', message: 'it was not refused' };
  } catch (error) {
    if (!(error instanceof NetworkError)) throw error;
    return { code: error.code, message: error.message };
  }
}
