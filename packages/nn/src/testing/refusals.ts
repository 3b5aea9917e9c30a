import { expect, test } from 'vitest';
import { NetworkError } from '../errors/network-error.ts';

/** A call as plain JavaScript may make it, and what its error must say. */
export type Refusal = readonly [call: string, act: () => unknown, message: RegExp];

/** What no compiler would let through, as the type that is wanted. */
export function untyped<T>(value: unknown): T {
  return value as T;
}

/** One test for each: the call throws, or rejects, with a `NetworkError` ('value-invalid') of that message. */
export function refuses(cases: readonly Refusal[]): void {
  test.each(cases)('%s', async (_, act, message) => {
    const found: unknown = await Promise.resolve()
      .then(act)
      .catch((error: unknown) => error);
    expect(found).toBeInstanceOf(NetworkError);
    expect((found as NetworkError).message).toMatch(message);
    expect((found as NetworkError).code).toBe('value-invalid');
  });
}
