import { type FileHandle, open } from 'node:fs/promises';

/** Fields of ONNX's ModelProto and StringStringEntryProto, and protobuf's wire types. */
const metadataField = 14;
const lengthDelimited = 2;

/** Larger metadata than this is none of ours. */
const mostBytes = 16 * 2 ** 20;

/**
 * The text of the plan in a model.onnx (metadata `glisson.plan`), without reading the weights: outer fields are skipped
 * by their lengths. Undefined where there is none, or where the file is no whole ONNX model.
 */
export async function readEmbeddedPlan(path: string): Promise<string | undefined> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    let at = 0;
    while (at < size) {
      const head = await bytesAt(handle, at, Math.min(20, size - at));
      const tag = readVarint(head, 0);
      if (tag === undefined || tag.value % 8 === 0) {
        // A whole number: its value follows.
        const value = tag && readVarint(head, tag.end);
        if (value === undefined) return undefined;
        at += value.end;
        continue;
      }
      const length = tag.value % 8 === lengthDelimited ? readVarint(head, tag.end) : undefined;
      if (length === undefined || at + length.end + length.value > size) return undefined;
      at += length.end;
      if (Math.floor(tag.value / 8) === metadataField && length.value <= mostBytes) {
        const entry = parseEntry(await bytesAt(handle, at, length.value));
        if (entry?.key === 'glisson.plan') return entry.value;
      }
      at += length.value;
    }
    return undefined;
  } finally {
    await handle.close();
  }
}

async function bytesAt(handle: FileHandle, position: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  const { bytesRead } = await handle.read(bytes, 0, length, position);
  return bytes.subarray(0, bytesRead);
}

/** A base-128 number, least significant seven bits first. */
function readVarint(bytes: Uint8Array, from: number): { value: number; end: number } | undefined {
  let value = 0;
  for (let n = 0; n < 8 && from + n < bytes.length; n++) {
    const byte = bytes[from + n]!;
    value += (byte & 0x7f) * 2 ** (7 * n);
    if (byte < 0x80) return { value, end: from + n + 1 };
  }
  return undefined;
}

function parseEntry(bytes: Uint8Array): { key: string; value: string } | undefined {
  const texts: Record<number, string> = {};
  let at = 0;
  while (at < bytes.length) {
    const tag = readVarint(bytes, at);
    const length = tag && readVarint(bytes, tag.end);
    if (tag === undefined || length === undefined || tag.value % 8 !== lengthDelimited) return undefined;
    at = length.end + length.value;
    texts[Math.floor(tag.value / 8)] = new TextDecoder().decode(bytes.subarray(length.end, at));
  }
  return { key: texts[1] ?? '', value: texts[2] ?? '' };
}
