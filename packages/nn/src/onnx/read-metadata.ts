import { NetworkError } from '../errors/network-error.ts';

interface Field {
  readonly number: number;
  /** The content of a length-delimited field; empty for numbers. */
  readonly bytes: Uint8Array;
}

const graphField = 7;
const metadataField = 14;

/**
 * The metadata (`metadata_props`) of an ONNX model: reads the outermost fields only.
 * Throws a `NetworkError` ('damaged') when the bytes are no ONNX model or are cut off.
 */
export function readModelMetadata(model: Uint8Array): Record<string, string> {
  const text = new TextDecoder('utf-8', { fatal: false });
  const metadata: [string, string][] = [];
  let hasGraph = false;
  for (const { number, bytes } of readFields(model)) {
    hasGraph ||= number === graphField;
    if (number !== metadataField) continue;
    let key = '';
    let value = '';
    for (const part of readFields(bytes)) {
      if (part.number === 1) key = text.decode(part.bytes);
      if (part.number === 2) value = text.decode(part.bytes);
    }
    metadata.push([key, value]);
  }
  if (!hasGraph) throw damaged('it holds no graph');
  return Object.fromEntries(metadata);
}

function damaged(found: string): NetworkError {
  return new NetworkError('damaged', `These bytes are no complete ONNX model: ${found}.`);
}

function* readFields(bytes: Uint8Array): Generator<Field> {
  let offset = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1, count = 0; count < 10; count++, scale *= 128) {
      const byte = bytes[offset++];
      if (byte === undefined) throw damaged(`it ends within a number at byte ${offset}`);
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    throw damaged(`an overlong number at byte ${offset}`);
  };
  while (offset < bytes.length) {
    const start = offset;
    const tag = varint();
    const wire = tag % 8;
    let length = 0;
    if (wire === 0) varint();
    else if (wire === 1) length = 8;
    else if (wire === 2) length = varint();
    else if (wire === 5) length = 4;
    else throw damaged(`field type ${wire} at byte ${start} does not exist`);
    if (length > bytes.length - offset) {
      throw damaged(`the field at byte ${start} is ${length} bytes long, ${bytes.length - offset} are left`);
    }
    yield {
      number: Math.floor(tag / 8),
      bytes: wire === 2 ? bytes.subarray(offset, offset + length) : bytes.subarray(0, 0),
    };
    offset += length;
  }
}
