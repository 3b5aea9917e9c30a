import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type NamedArray, writeSafetensors } from '../weights/safetensors.ts';

/** What torch_networks.py is asked for; see there. */
export interface TorchRequest {
  /** A function of torch_networks.py, e.g. 'resnet'. */
  readonly network: string;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly padding?: 'same' | 'valid';
  readonly training: boolean;
  readonly dtype: 'float32' | 'float64';
  /** Names of parameters whose gradients follow the logits. */
  readonly gradient?: readonly string[];
  /** Weights by name, `image`, and for gradients `target`. */
  readonly arrays: Readonly<Record<string, NamedArray>>;
}

/** Also from the compiled file. */
const script = fileURLToPath(new URL('../../src/testing/torch_networks.py', import.meta.url));

/**
 * What networks give in PyTorch: for each request the logits or feature maps, then the gradients, one after the other.
 * `python` is the interpreter that has torch; starting it takes seconds, so ask for much at once.
 */
export function runTorch(python: string, requests: readonly TorchRequest[]): Float64Array[] {
  const parts = requests.flatMap(({ arrays, ...request }) => {
    const file = writeSafetensors({ arrays, metadata: { request: JSON.stringify(request) } });
    return [lengthOf(file), file];
  });
  const { status, stdout, stderr } = spawnSync(python, [script], {
    input: Buffer.concat(parts),
    maxBuffer: 2 ** 31,
  });
  if (status !== 0) throw new Error(`PyTorch ended with ${status}: ${stderr.toString()}`);
  const results: Float64Array[] = [];
  for (let at = 0; at < stdout.length; ) {
    const end = at + 8 + Number(stdout.readBigUInt64LE(at));
    results.push(new Float64Array(Uint8Array.prototype.slice.call(stdout, at + 8, end).buffer));
    at = end;
  }
  return results;
}

function lengthOf(file: Uint8Array): Uint8Array {
  return new Uint8Array(BigUint64Array.of(BigInt(file.length)).buffer);
}
