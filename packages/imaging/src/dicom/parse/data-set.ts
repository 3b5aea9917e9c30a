import { ImagingError } from '../../errors/imaging-error.ts';
import { decodeText } from './character-sets.ts';
import { item, itemDelimiter, sequenceDelimiter, tagName, tags } from './tags.ts';

/** One data element: where its value lies in `DataSet.bytes`. */
export interface DataElement {
  readonly tag: number;
  /** Two letters; empty in implicit VR. */
  readonly vr: string;
  readonly offset: number;
  /** Value length in bytes; for undefined length the bytes up to the delimiter, or -1 for pixel data. */
  readonly length: number;
  readonly undefinedLength: boolean;
}

/** A parsed data set or sequence item. Values are decoded when asked for; nothing is copied. */
export interface DataSet {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly explicit: boolean;
  readonly littleEndian: boolean;
  readonly elements: ReadonlyMap<number, DataElement>;
  /** Specific Character Set, inherited by sequence items. */
  readonly characterSets: readonly string[];
}

export interface Encoding {
  readonly explicit: boolean;
  readonly littleEndian: boolean;
}

/** Thrown inside when the header continues beyond the bytes at hand: read more and parse again. */
export class HeaderBeyondBytes extends Error {
  override readonly name = 'HeaderBeyondBytes';
}

/** VRs with a 32-bit length field in explicit encodings (PS3.5 table 7.1-1). */
const longVrs = new Set(['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'SQ', 'SV', 'UC', 'UN', 'UR', 'UT', 'UV']);

const undefinedLength = 0xffffffff;
const deepest = 64;

/**
 * Walks the elements from `start` to `end`, or up to and including the pixel data, whose value is not
 * looked at. Does not copy.
 * @param o.endIsReal whether `end` is where the data set ends (default), not merely where the bytes at hand do;
 * then fewer zero bytes than an element header are taken for padding
 * @throws HeaderBeyondBytes when an element before the pixel data crosses the end of `bytes`
 * @throws ImagingError `damaged` when the structure cannot be followed
 */
export function parseDataSet(
  bytes: Uint8Array,
  encoding: Encoding,
  start: number,
  end: number,
  o: { readonly inherited?: readonly string[]; readonly endIsReal?: boolean } = {},
): DataSet {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const elements = new Map<number, DataElement>();
  let position = start;
  while (position < end) {
    if (o.endIsReal !== false && position + 8 > end && isZero(bytes, position, end)) break;
    const element = readElementHeader(view, position, end, encoding);
    if (element.tag === itemDelimiter || element.tag === sequenceDelimiter) break;
    let { length } = element;
    const isPixels =
      element.tag === tags.pixelData ||
      element.tag === tags.floatPixelData ||
      element.tag === tags.doubleFloatPixelData;
    if (isPixels) {
      elements.set(element.tag, { ...element, length: element.undefinedLength ? -1 : length });
      break;
    }
    if (element.undefinedLength) {
      const unknown = element.vr === 'UN';
      const inner = unknown ? { explicit: false, littleEndian: true } : encoding;
      const after = skipUndefined(view, element.offset, end, inner, 0, element.tag);
      length = after - 8 - element.offset;
      elements.set(element.tag, { ...element, length });
      position = after;
    } else {
      if (element.offset + length > end) throw new HeaderBeyondBytes(tagName(element.tag));
      if (!elements.has(element.tag)) elements.set(element.tag, element);
      position = element.offset + length;
    }
  }
  const base = { bytes, view, ...encoding, elements };
  const own = readStrings({ ...base, characterSets: [] }, tags.specificCharacterSet);
  return { ...base, characterSets: own.length > 0 ? own : (o.inherited ?? []) };
}

function isZero(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i] !== 0) return false;
  return true;
}

function readElementHeader(view: DataView, position: number, end: number, encoding: Encoding): DataElement {
  if (position + 8 > end) throw new HeaderBeyondBytes('element header');
  const le = encoding.littleEndian;
  const tag = view.getUint16(position, le) * 65536 + view.getUint16(position + 2, le);
  let vr = '';
  let offset = position + 8;
  let length: number;
  const isDelimiter = tag === item || tag === itemDelimiter || tag === sequenceDelimiter;
  const a = view.getUint8(position + 4);
  const b = view.getUint8(position + 5);
  // Some writers slip implicit elements into explicit data sets: a VR is two capitals, or it is none.
  if (encoding.explicit && !isDelimiter && a >= 65 && a <= 90 && b >= 65 && b <= 90) {
    vr = String.fromCharCode(a, b);
    if (longVrs.has(vr)) {
      if (position + 12 > end) throw new HeaderBeyondBytes(tagName(tag));
      length = view.getUint32(position + 8, le);
      offset = position + 12;
    } else {
      length = view.getUint16(position + 6, le);
    }
  } else {
    length = view.getUint32(position + 4, le);
  }
  return { tag, vr, offset, length, undefinedLength: length === undefinedLength };
}

/** Position after the sequence delimiter of an undefined-length value that starts at `position`. */
function skipUndefined(
  view: DataView,
  position: number,
  end: number,
  encoding: Encoding,
  depth: number,
  tag: number,
): number {
  if (depth > deepest) {
    throw new ImagingError('damaged', 'Sequences are nested too deeply.', {
      where: tagName(tag),
      expected: `at most ${deepest} levels`,
    });
  }
  const le = encoding.littleEndian;
  for (;;) {
    if (position + 8 > end) throw new HeaderBeyondBytes(tagName(tag));
    const itemTag = view.getUint16(position, le) * 65536 + view.getUint16(position + 2, le);
    const length = view.getUint32(position + 4, le);
    position += 8;
    if (itemTag === sequenceDelimiter) return position;
    if (itemTag !== item) {
      throw new ImagingError('damaged', 'A sequence holds something that is not an item.', {
        where: `${tagName(tag)} at byte ${position - 8}`,
        found: tagName(itemTag),
        expected: 'an item or the end of the sequence',
      });
    }
    if (length !== undefinedLength) {
      if (position + length > end) throw new HeaderBeyondBytes(tagName(tag));
      position += length;
      continue;
    }
    for (;;) {
      const element = readElementHeader(view, position, end, encoding);
      if (element.tag === itemDelimiter) {
        position = element.offset;
        break;
      }
      if (element.undefinedLength) {
        position = skipUndefined(view, element.offset, end, encoding, depth + 1, element.tag);
      } else {
        position = element.offset + element.length;
        if (position > end) throw new HeaderBeyondBytes(tagName(element.tag));
      }
    }
  }
}

/** The items of a sequence, parsed one level; empty when the element is absent. */
export function readItems(dataSet: DataSet, tag: number): DataSet[] {
  const element = dataSet.elements.get(tag);
  if (element === undefined) return [];
  const { bytes, view } = dataSet;
  // A sequence of unknown VR is implicit little endian inside, whatever surrounds it (PS3.5 section 6.2.2).
  const encoding: Encoding =
    element.vr === 'UN'
      ? { explicit: false, littleEndian: true }
      : { explicit: dataSet.explicit, littleEndian: dataSet.littleEndian };
  const le = encoding.littleEndian;
  const end = element.offset + element.length;
  const items: DataSet[] = [];
  const inherited = dataSet.characterSets;
  let position = element.offset;
  try {
    while (position + 8 <= end) {
      const itemTag = view.getUint16(position, le) * 65536 + view.getUint16(position + 2, le);
      if (itemTag !== item) break;
      const length = view.getUint32(position + 4, le);
      position += 8;
      if (length !== undefinedLength) {
        if (position + length > end) throw new HeaderBeyondBytes(tagName(tag));
        items.push(parseDataSet(bytes, encoding, position, position + length, { inherited }));
        position += length;
      } else {
        // Reuses the skipper on one item: find its end, then parse what lies between.
        const after = endOfItem(view, position, end, encoding, tag);
        items.push(parseDataSet(bytes, encoding, position, after - 8, { inherited }));
        position = after;
      }
    }
  } catch (error) {
    if (!(error instanceof HeaderBeyondBytes)) throw error;
    throw new ImagingError('damaged', 'A sequence is longer than the element that holds it.', {
      where: tagName(tag),
      cause: error,
    });
  }
  return items;
}

function endOfItem(view: DataView, position: number, end: number, encoding: Encoding, tag: number): number {
  for (;;) {
    const element = readElementHeader(view, position, end, encoding);
    if (element.tag === itemDelimiter) return element.offset;
    position = element.undefinedLength
      ? skipUndefined(view, element.offset, end, encoding, 1, element.tag)
      : element.offset + element.length;
    if (position > end) throw new HeaderBeyondBytes(tagName(tag));
  }
}

/** The bytes of a value; does not copy. */
export function readBytes(dataSet: DataSet, tag: number): Uint8Array | undefined {
  const element = dataSet.elements.get(tag);
  if (element === undefined || element.length < 0) return undefined;
  return dataSet.bytes.subarray(element.offset, element.offset + element.length);
}

/** Values of a short ASCII element (UI, CS, DS, IS, DA, TM, AS), split at backslashes, trimmed; empty ones kept. */
export function readStrings(dataSet: DataSet, tag: number): string[] {
  const bytes = readBytes(dataSet, tag);
  if (bytes === undefined || bytes.length === 0) return [];
  let text = '';
  for (let i = 0; i < bytes.length; i++) text += String.fromCharCode(bytes[i]!);
  const values = text.split('\\').map(trim);
  return values.every((value) => value === '') ? [] : values;
}

export function readString(dataSet: DataSet, tag: number): string | undefined {
  return readStrings(dataSet, tag)[0] || undefined;
}

/** Text of a person's language (LO, SH, PN, LT), decoded by the Specific Character Set. */
export function readText(dataSet: DataSet, tag: number): string | undefined {
  const bytes = readBytes(dataSet, tag);
  if (bytes === undefined) return undefined;
  return trim(decodeText(bytes, dataSet.characterSets)) || undefined;
}

/** Decimal or integer strings as numbers; NaN for what is no number. */
export function readNumbers(dataSet: DataSet, tag: number): number[] {
  return readStrings(dataSet, tag).map((text) => (text === '' ? Number.NaN : Number(text)));
}

export function readNumber(dataSet: DataSet, tag: number): number | undefined {
  const value = readNumbers(dataSet, tag)[0];
  return value === undefined || Number.isNaN(value) ? undefined : value;
}

/** Unsigned 16-bit values (US; also for `US or SS`, to be read as signed by the caller). */
export function readUint16s(dataSet: DataSet, tag: number): number[] {
  const element = dataSet.elements.get(tag);
  if (element === undefined || element.length < 2) return [];
  const values: number[] = [];
  for (let i = 0; i + 2 <= element.length; i += 2) {
    values.push(dataSet.view.getUint16(element.offset + i, dataSet.littleEndian));
  }
  return values;
}

export function readUint16(dataSet: DataSet, tag: number): number | undefined {
  const element = dataSet.elements.get(tag);
  if (element === undefined || element.length < 2) return undefined;
  return dataSet.view.getUint16(element.offset, dataSet.littleEndian);
}

/** One unsigned 32-bit value (UL). */
export function readUint32(dataSet: DataSet, tag: number): number | undefined {
  const element = dataSet.elements.get(tag);
  if (element === undefined || element.length < 4) return undefined;
  return dataSet.view.getUint32(element.offset, dataSet.littleEndian);
}

function trim(text: string): string {
  let end = text.length;
  while (end > 0 && (text.charCodeAt(end - 1) <= 32 || text.charCodeAt(end - 1) === 0)) end--;
  return text.slice(0, end).trimStart();
}
