import { createHash } from 'node:crypto';

/**
 * A DICOM UID made from text: 2.25 followed by a UUID (version 8, custom) as a decimal number
 * (DICOM PS3.5 annex B.2). The same parts give the same UID; different parts, for all purposes, different ones.
 */
export function derivedUid(...parts: readonly (string | number)[]): string {
  const digest = createHash('sha256').update(parts.map(String).join('\u0000')).digest();
  digest[6] = (digest[6]! & 0x0f) | 0x80;
  digest[8] = (digest[8]! & 0x3f) | 0x80;
  return `2.25.${BigInt(`0x${digest.subarray(0, 16).toString('hex')}`)}`;
}
