import { ImagingError } from '../../errors/imaging-error.ts';
import { item, sequenceDelimiter, tagName } from '../parse/tags.ts';
import type { PixelDescription } from './pixel-description.ts';

/**
 * Splits encapsulated pixel data (PS3.5 annex A.4) into one compressed stream a frame: by the offset tables,
 * else one fragment a frame, else where streams start. Copies only frames of several fragments.
 * @param bytes from the pixel data's value on
 * @throws ImagingError `damaged` when fragments are cut off or do not make up the frames
 */
export function encapsulatedFrames(bytes: Uint8Array, d: PixelDescription, where?: string): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const damaged = (found: string, expected: string): never => {
    throw new ImagingError('damaged', 'The compressed pixel data is cut off or damaged.', {
      where,
      found,
      expected,
      advice: 'Copy the file again from its source.',
    });
  };
  const fragments: { at: number; bytes: Uint8Array }[] = [];
  let table: Uint8Array | undefined;
  let base = 0;
  let position = 0;
  for (;;) {
    // Some writers leave the closing delimiter out: the end of the file after a whole fragment will do.
    if (position + 8 > bytes.length) break;
    const tag = view.getUint16(position, true) * 65536 + view.getUint16(position + 2, true);
    const length = view.getUint32(position + 4, true);
    if (tag === sequenceDelimiter) break;
    if (tag !== item) damaged(`${tagName(tag)} at byte ${position}`, 'a fragment or the end of the sequence');
    const start = position + 8;
    if (start + length > bytes.length) {
      damaged(`${bytes.length - start} bytes of the last fragment`, `${length}`);
    }
    const value = bytes.subarray(start, start + length);
    if (table === undefined) {
      table = value;
      base = start + length;
    } else {
      fragments.push({ at: position - base, bytes: value });
    }
    position = start + length;
  }
  if (fragments.length === 0) damaged('no fragments', `${d.frames} frames`);
  if (d.frames === 1) return [join(fragments.map((f) => f.bytes))];
  if (fragments.length === d.frames) return fragments.map((f) => f.bytes);
  const starts = frameStarts(fragments, d, table ?? new Uint8Array());
  if (starts === undefined) damaged(`${fragments.length} fragments`, `fragments of ${d.frames} frames`);
  return starts!.map((first, f) => join(fragments.slice(first, starts![f + 1]).map((one) => one.bytes)));
}

/** Index of the first fragment of each frame. */
function frameStarts(
  fragments: readonly { at: number; bytes: Uint8Array }[],
  d: PixelDescription,
  table: Uint8Array,
): number[] | undefined {
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength);
  const basic = Array.from({ length: table.length >> 2 }, (_, i) => view.getUint32(4 * i, true));
  for (const offsets of [d.extendedOffsets, basic]) {
    if (offsets?.length !== d.frames) continue;
    const starts = offsets.map((offset) => fragments.findIndex((f) => f.at === offset));
    if (starts[0] === 0 && starts.every((s, i) => s >= 0 && (i === 0 || s > starts[i - 1]!))) return starts;
  }
  const marked = fragments.flatMap((f, i) => (startsStream(f.bytes) ? [i] : []));
  return marked.length === d.frames && marked[0] === 0 ? marked : undefined;
}

/** JPEG and JPEG-LS start of image; JPEG 2000 start of codestream, bare or in a JP2 box. */
function startsStream(b: Uint8Array): boolean {
  return (
    (b[0] === 0xff && b[1] === 0xd8) ||
    (b[0] === 0xff && b[1] === 0x4f && b[2] === 0xff) ||
    (b[4] === 0x6a && b[5] === 0x50 && b[6] === 0x20 && b[7] === 0x20)
  );
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
