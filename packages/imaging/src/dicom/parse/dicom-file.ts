import { inflateRawSync } from 'node:zlib';
import { ImagingError } from '../../errors/imaging-error.ts';
import { type DataSet, HeaderBeyondBytes, parseDataSet, readString } from './data-set.ts';
import { tags } from './tags.ts';
import {
  explicitBigEndian,
  explicitLittleEndian,
  implicitLittleEndian,
  type TransferSyntax,
  transferSyntax,
} from './transfer-syntax.ts';

/** A DICOM file up to its pixel data. */
export interface DicomFile {
  readonly syntax: TransferSyntax;
  /** Offsets count from the start of the file, or of the inflated data set when `syntax.deflated`. */
  readonly dataSet: DataSet;
  readonly mediaStorageSopClassUid?: string;
  /** What the file lacks or gets wrong in how it is wrapped. */
  readonly remarks: readonly string[];
}

/** Inflated size that a deflated data set may have. */
const mostInflatedBytes = 2 ** 31;

/** Whether the first bytes (132 or more, if the file has them) can be those of a DICOM file. */
export function looksLikeDicom(head: Uint8Array): boolean {
  return dataSetStart(head) !== undefined;
}

function dataSetStart(bytes: Uint8Array): number | undefined {
  if (hasMagic(bytes, 128)) return 132;
  if (hasMagic(bytes, 0)) return 4;
  if (bytes.length < 8) return undefined;
  // No preamble: the file starts with an element of group 2 or 8, which is all that there is to tell it by.
  const [a, b, c, d] = bytes as unknown as [number, number, number, number];
  const little = (a === 2 || a === 8) && b === 0 && d === 0;
  const big = a === 0 && (b === 2 || b === 8) && c === 0;
  return little || big ? 0 : undefined;
}

function hasMagic(bytes: Uint8Array, at: number): boolean {
  return (
    bytes.length >= at + 4 &&
    bytes[at] === 0x44 &&
    bytes[at + 1] === 0x49 &&
    bytes[at + 2] === 0x43 &&
    bytes[at + 3] === 0x4d
  );
}

/**
 * Reads everything before the pixel data. Does not copy, except for deflated files.
 * @param isWhole whether `bytes` is the whole file; if not and more is needed, throws `HeaderBeyondBytes`
 * @throws HeaderBeyondBytes (only when `isWhole` is false)
 * @throws ImagingError `not-an-image` when this is no DICOM, `damaged` when it is broken
 */
export function parseDicomFile(bytes: Uint8Array, isWhole: boolean, where?: string): DicomFile {
  // A plain view: `slice` of a Node Buffer would share memory instead of copying.
  bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  const start = dataSetStart(bytes);
  if (start === undefined) {
    throw new ImagingError('not-an-image', 'This is not a DICOM file.', {
      where,
      found:
        bytes.length === 0 ? 'an empty file' : 'neither "DICM" at byte 128 nor a DICOM element at the start',
    });
  }
  try {
    return parseFrom(bytes, start, isWhole, where);
  } catch (error) {
    if (error instanceof HeaderBeyondBytes && !isWhole) throw error;
    if (error instanceof HeaderBeyondBytes) {
      throw new ImagingError('damaged', 'The DICOM file is cut off or damaged in its header.', {
        where,
        found: `the file ends at byte ${bytes.length}, inside ${error.message}`,
        advice: 'Copy it again from its source.',
        cause: error,
      });
    }
    if (error instanceof RangeError) {
      throw new ImagingError('damaged', 'The DICOM file is damaged.', { where, cause: error });
    }
    throw error;
  }
}

function parseFrom(bytes: Uint8Array, start: number, isWhole: boolean, where?: string): DicomFile {
  const remarks: string[] = [];
  if (start === 0) remarks.push('no preamble');
  let position = start;
  let metaUid: string | undefined;
  let mediaStorageSopClassUid: string | undefined;
  if (groupAt(bytes, position) === 2) {
    const end = endOfMeta(bytes, position);
    const meta = parseDataSet(bytes, explicitLittleEndian, position, end);
    metaUid = readString(meta, tags.transferSyntaxUid);
    mediaStorageSopClassUid = readString(meta, tags.mediaStorageSopClassUid);
    position = end;
  } else {
    remarks.push('no meta header');
  }
  let syntax = metaUid === undefined ? undefined : transferSyntax(metaUid);
  if (syntax === undefined) remarks.push('no transfer syntax stated; recognised from the bytes');
  if (syntax?.deflated) {
    if (!isWhole) throw new HeaderBeyondBytes('the deflated data set');
    const buffer = inflateDataSet(bytes.subarray(position), where);
    const inflated = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
    const dataSet = parseDataSet(inflated, syntax, 0, inflated.length);
    return { syntax, dataSet, mediaStorageSopClassUid, remarks };
  }
  if (position >= bytes.length) {
    if (!isWhole) throw new HeaderBeyondBytes('the data set');
    throw new ImagingError('damaged', 'The DICOM file holds a meta header and nothing else.', { where });
  }
  const seen = recogniseSyntax(bytes, position);
  if (syntax === undefined) syntax = seen;
  else if (!syntax.explicit && seen.explicit) {
    remarks.push(`says ${syntax.name}, but is written as ${seen.name}`);
    syntax = seen;
  } else if (syntax.compression === 'none' && syntax.littleEndian !== seen.littleEndian) {
    remarks.push(`says ${syntax.name}, but is written as ${seen.name}`);
    syntax = seen;
  }
  const dataSet = parseDataSet(bytes, syntax, position, bytes.length, { endIsReal: isWhole });
  return { syntax, dataSet, mediaStorageSopClassUid, remarks };
}

function groupAt(bytes: Uint8Array, position: number): number {
  return (bytes[position] ?? 0) + 256 * (bytes[position + 1] ?? 0);
}

/** Walks group 2, which is explicit little endian whatever follows; its stated length is often wrong. */
function endOfMeta(bytes: Uint8Array, start: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let position = start;
  while (position + 8 <= bytes.length && groupAt(bytes, position) === 2) {
    const vr = String.fromCharCode(bytes[position + 4]!, bytes[position + 5]!);
    if (vr === 'OB' || vr === 'UN' || vr === 'UT') {
      if (position + 12 > bytes.length) throw new HeaderBeyondBytes('the meta header');
      position += 12 + view.getUint32(position + 8, true);
    } else if (/^[A-Z]{2}$/.test(vr)) {
      position += 8 + view.getUint16(position + 6, true);
    } else {
      position += 8 + view.getUint32(position + 4, true);
    }
  }
  if (position > bytes.length) throw new HeaderBeyondBytes('the meta header');
  return position;
}

/** Tells the encoding by the first element: capitals where a VR would be, and which way round the group is. */
function recogniseSyntax(bytes: Uint8Array, position: number): TransferSyntax {
  const little = groupAt(bytes, position);
  const big = ((little & 0xff) << 8) | (little >> 8);
  const capital = (byte: number | undefined) => byte !== undefined && byte >= 65 && byte <= 90;
  const explicit = capital(bytes[position + 4]) && capital(bytes[position + 5]);
  if (!explicit) return implicitLittleEndian;
  return big < little ? explicitBigEndian : explicitLittleEndian;
}

function inflateDataSet(bytes: Uint8Array, where?: string): Uint8Array {
  try {
    return inflateRawSync(bytes, { maxOutputLength: mostInflatedBytes });
  } catch (error) {
    throw new ImagingError('damaged', 'The deflated DICOM data set could not be inflated.', {
      where,
      found: (error as Error).message,
      cause: error,
    });
  }
}
