import { NetworkError } from '../errors/network-error.ts';
import { readSafetensors, writeSafetensors } from '../weights/safetensors.ts';
import type { TrainerState } from './trainer-state.ts';

const format = 'glisson-trainer-1';

/** A trainer's state as a safetensors file; the same state gives the same bytes. */
export function serialiseState({ network, step, arrays }: TrainerState): Uint8Array {
  return writeSafetensors({ arrays, metadata: { format, network, step: String(step) } });
}

/** Reads what `serialiseState` wrote. Throws a `NetworkError` on anything else. */
export function parseState(bytes: Uint8Array): TrainerState {
  const { arrays, metadata } = readSafetensors(bytes);
  const step = Number(metadata.step);
  if (
    metadata.format !== format ||
    metadata.network === undefined ||
    !Number.isSafeInteger(step) ||
    step < 0
  ) {
    throw new NetworkError(
      'damaged',
      `This safetensors file is no trainer state: expected metadata format '${format}', network and step, found ${JSON.stringify(metadata)}.`,
    );
  }
  return { network: metadata.network, step, arrays };
}
