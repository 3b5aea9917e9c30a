import { NetworkError } from '../errors/network-error.ts';
import { formatShape, type Shape, sizeOf } from '../graph/shape.ts';
import { repeatedKey } from './json-keys.ts';
import { bytesPerNumber, isNumberType, type NumberType } from './number-types.ts';

/** Bytes before the header: its length as little-endian 64-bit integer. */
export const lengthBytes = 8;

/** Longest header that is read; the limit of the format's reference implementation. */
export const longestHeader = 100_000_000;

const metadataKey = '__metadata__';

/** Where an array of a safetensors file lies. */
export interface SafetensorsEntry {
  readonly name: string;
  readonly type: NumberType;
  readonly shape: Shape;
  /** Bytes from the beginning of the file: first, and one after the last. */
  readonly from: number;
  readonly to: number;
}

export interface SafetensorsHeader {
  /** In the order of the header. */
  readonly entries: readonly SafetensorsEntry[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** The error of a file that is no whole safetensors file. */
export function damagedSafetensors(found: string): NetworkError {
  return new NetworkError('damaged', `Not a whole safetensors file: ${found}.`);
}

/**
 * Length of the header in bytes, from the first bytes of a file.
 * @throws NetworkError 'damaged' when it is longer than the file or than any header may be
 */
export function readHeaderLength(firstBytes: Uint8Array, fileSize: number): number {
  if (fileSize < lengthBytes || firstBytes.length < lengthBytes) {
    throw damagedSafetensors(`it has ${fileSize} bytes`);
  }
  const view = new DataView(firstBytes.buffer, firstBytes.byteOffset, firstBytes.byteLength);
  const length = view.getBigUint64(0, true);
  if (length > BigInt(fileSize - lengthBytes)) {
    throw damagedSafetensors(`the header claims ${length} bytes, the file has ${fileSize}`);
  }
  if (length > BigInt(longestHeader)) {
    throw damagedSafetensors(`the header claims ${length} bytes, more than the ${longestHeader} allowed`);
  }
  return Number(length);
}

/**
 * Reads and checks a header: every array lies in the file, has the size of its shape and type, and together they
 * fill the rest of the file without hole or overlap; no name comes twice.
 * @param header the JSON, without the length before it
 * @throws NetworkError 'damaged'; 'unsupported' for a number type that is not read
 */
export function parseSafetensorsHeader(header: Uint8Array, fileSize: number): SafetensorsHeader {
  const start = lengthBytes + header.length;
  const dataSize = fileSize - start;
  const entries: SafetensorsEntry[] = [];
  let metadata: Record<string, string> = {};
  for (const [name, entry] of Object.entries(parseObject(header))) {
    if (name === metadataKey) {
      metadata = checkMetadata(entry);
      continue;
    }
    const { dtype: type, shape, data_offsets: range } = (entry ?? {}) as Record<string, unknown>;
    if (!isCounts(shape) || !isCountable(shape) || !isCounts(range) || range.length !== 2) {
      throw damagedSafetensors(`'${name}' has no valid shape and data_offsets`);
    }
    if (!isNumberType(type)) {
      throw new NetworkError('unsupported', `'${name}' holds numbers of type ${JSON.stringify(type)}.`);
    }
    const [from, to] = range as [number, number];
    if (to - from !== sizeOf(shape) * bytesPerNumber(type) || to > dataSize) {
      throw damagedSafetensors(
        `'${name}' ${type} ${formatShape(shape)} at bytes ${from} to ${to} of ${dataSize} does not fit`,
      );
    }
    entries.push({ name, type, shape, from: start + from, to: start + to });
  }
  let expected = start;
  for (const { name, from, to } of entries.toSorted((a, b) => a.from - b.from || a.to - b.to)) {
    if (from !== expected) {
      throw damagedSafetensors(
        `'${name}' starts at byte ${from - start} where ${expected - start} was expected`,
      );
    }
    expected = to;
  }
  if (expected !== fileSize) throw damagedSafetensors(`${fileSize - expected} bytes too many at the end`);
  return { entries, metadata };
}

/**
 * Length, header and padding of a file whose arrays follow in this order without gaps. The numbers then start at a
 * multiple of eight, so that a reader may use them in place. The same content gives the same bytes.
 */
export function encodeSafetensorsHeader(
  arrays: readonly { readonly name: string; readonly type: NumberType; readonly shape: Shape }[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  let offset = 0;
  const members = [`${JSON.stringify(metadataKey)}:${JSON.stringify(metadata)}`];
  const names = new Set([metadataKey]);
  for (const { name, type, shape } of arrays) {
    if (names.has(name)) {
      throw new NetworkError(
        'value-invalid',
        `An array of a safetensors file may not be called '${name}' here.`,
      );
    }
    names.add(name);
    const end = offset + sizeOf(shape) * bytesPerNumber(type);
    members.push(
      `${JSON.stringify(name)}:${JSON.stringify({ dtype: type, shape, data_offsets: [offset, end] })}`,
    );
    offset = end;
  }
  const text = new TextEncoder().encode(`{${members.join(',')}}`);
  const headerLength = Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(lengthBytes + headerLength);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerLength), true);
  bytes.fill(0x20, lengthBytes);
  bytes.set(text, lengthBytes);
  return bytes;
}

function parseObject(bytes: Uint8Array): Record<string, unknown> {
  let header: unknown;
  let repeated: string | undefined;
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    header = JSON.parse(text);
    repeated = repeatedKey(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw damagedSafetensors(`the header is no JSON (${reason})`);
  }
  if (repeated !== undefined) throw damagedSafetensors(`its header names '${repeated}' twice`);
  if (typeof header !== 'object' || header === null || Array.isArray(header)) {
    throw damagedSafetensors('the header is no JSON object');
  }
  return header as Record<string, unknown>;
}

function checkMetadata(value: unknown): Record<string, string> {
  const isText =
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((text) => typeof text === 'string');
  if (!isText) throw damagedSafetensors(`${metadataKey} is no object of texts`);
  return value as Record<string, string>;
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}

/** Whether the number of elements is exact, also where a size of 0 hides the other ones. */
function isCountable(shape: Shape): boolean {
  return sizeOf(shape.map((size) => Math.max(size, 1))) <= Number.MAX_SAFE_INTEGER;
}
