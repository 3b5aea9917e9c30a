import { NetworkError } from '../errors/network-error.ts';

const classes = { float32: Float32Array, uint8: Uint8Array };

/**
 * Throws a `NetworkError` ('type-mismatch') that begins with `where` unless `values` is an array of the type whose
 * buffer can move to another thread.
 */
export function checkNumbers(values: unknown, type: keyof typeof classes, where: string): void {
  if (!(values instanceof classes[type])) {
    throw new NetworkError(
      'type-mismatch',
      `${where}: expected ${type} numbers (${classes[type].name}), found ${nameOf(values)}`,
    );
  }
  if (!(values.buffer instanceof ArrayBuffer)) {
    throw new NetworkError(
      'type-mismatch',
      `${where}: the numbers lie in shared memory, which cannot move to the engine's thread; give a copy of them`,
    );
  }
}

function nameOf(value: unknown): string {
  return typeof value === 'object' && value !== null ? (value.constructor?.name ?? 'object') : typeof value;
}

/** Why an array may have no numbers; for the end of a message. */
export function emptied({ length }: ArrayLike<number>): string {
  return length === 0 ? '; buffers that were given once have moved to the engine and are empty' : '';
}
