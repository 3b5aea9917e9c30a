import { NetworkError } from '../errors/network-error.ts';
import { checkValue } from '../options/check-options.ts';
import { bytes as someBytes } from '../options/rules.ts';
import { readSafetensors, writeSafetensors } from '../weights/safetensors.ts';
import type { TrainerState } from './trainer-state.ts';
import { aState } from './training-rules.ts';

const format = 'glisson-trainer-1';

/** A trainer's state as a safetensors file; the same state gives the same bytes. */
export function serialiseState(state: TrainerState): Uint8Array {
  checkValue('serialiseState: state', state, aState);
  const { network, step, microBatch, frozen, since, arrays } = state;
  return writeSafetensors({
    arrays,
    metadata: {
      format,
      network,
      step: String(step),
      ...(microBatch > 0 && { microBatch: String(microBatch) }),
      ...(frozen.length > 0 && { frozen: JSON.stringify(frozen) }),
      ...(Object.keys(since).length > 0 && { since: JSON.stringify(since) }),
    },
  });
}

/** Reads what `serialiseState` wrote. Throws a `NetworkError` ('damaged') on anything else. */
export function parseState(bytes: Uint8Array): TrainerState {
  checkValue('parseState: file', bytes, someBytes);
  const { arrays, metadata } = readSafetensors(bytes);
  const { network } = metadata;
  const step = Number(metadata.step);
  const microBatch = Number(metadata.microBatch ?? 0);
  const frozen = parse(metadata.frozen ?? '[]');
  const since = parse(metadata.since ?? '{}');
  if (
    metadata.format !== format ||
    network === undefined ||
    !isCount(step) ||
    !isCount(microBatch) ||
    !(Array.isArray(frozen) && frozen.every((name) => typeof name === 'string')) ||
    !(typeof since === 'object' && since !== null && Object.values(since).every(isCount))
  ) {
    throw new NetworkError(
      'damaged',
      `This safetensors file is no trainer state: expected metadata format '${format}', network and step, found ${JSON.stringify(metadata)}.`,
    );
  }
  return { network, step, microBatch, frozen, since: since as Record<string, number>, arrays };
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
