import { ImagingError } from '../../errors/imaging-error.ts';
import { readBytes, readNumber, readString, readUint16 } from '../parse/data-set.ts';
import type { DicomFile } from '../parse/dicom-file.ts';
import { tagName, tags } from '../parse/tags.ts';
import type { TransferSyntax } from '../parse/transfer-syntax.ts';

/** How the pixels of an object are laid out (PS3.3 section C.7.6.3) and where they are. */
export interface PixelDescription {
  readonly rows: number;
  readonly columns: number;
  readonly frames: number;
  readonly samples: number;
  /** Colour by plane (1) or by pixel (0). */
  readonly planarConfiguration: number;
  readonly photometric: string;
  readonly kind: 'integer' | 'float32' | 'float64';
  /** 1, 8, 16, 32 (64 for `float64`). */
  readonly bitsAllocated: number;
  readonly bitsStored: number;
  readonly highBit: number;
  readonly signed: boolean;
  readonly syntax: TransferSyntax;
  /** Where the pixel data's value starts, in the file or, if deflated, in the inflated data set. */
  readonly offset: number;
  /** Bytes of the value as stated; -1 when encapsulated. */
  readonly length: number;
  /** Extended offset table, when there is one. */
  readonly extendedOffsets?: readonly number[];
}

/**
 * Describes the pixels of a parsed file; undefined when it has none.
 * @throws ImagingError `damaged` or `unsupported` when rows, columns or bits make no sense
 */
export function describePixels(file: DicomFile, where?: string): PixelDescription | undefined {
  const { dataSet, syntax } = file;
  const integer = dataSet.elements.get(tags.pixelData);
  const single = dataSet.elements.get(tags.floatPixelData);
  const element = integer ?? single ?? dataSet.elements.get(tags.doubleFloatPixelData);
  if (element === undefined || element.length === 0) return undefined;
  const kind = integer ? 'integer' : single ? 'float32' : 'float64';
  const need = (tag: number, name: string): number => {
    const value = readUint16(dataSet, tag);
    if (value !== undefined && value > 0) return value;
    throw new ImagingError('damaged', `The image does not say its ${name}.`, {
      where: `${where ?? 'DICOM object'} ${tagName(tag)}`,
      found: value === undefined ? 'nothing' : String(value),
      expected: 'a positive number',
    });
  };
  const rows = need(tags.rows, 'number of rows');
  const columns = need(tags.columns, 'number of columns');
  const bitsAllocated =
    kind === 'integer' ? need(tags.bitsAllocated, 'bits allocated') : kind === 'float32' ? 32 : 64;
  const bitsStored =
    kind === 'integer' ? (readUint16(dataSet, tags.bitsStored) ?? bitsAllocated) : bitsAllocated;
  const highBit = kind === 'integer' ? (readUint16(dataSet, tags.highBit) ?? bitsStored - 1) : bitsStored - 1;
  const samples = readUint16(dataSet, tags.samplesPerPixel) ?? 1;
  const frames = Math.max(1, readNumber(dataSet, tags.numberOfFrames) ?? 1);
  const bad = (found: string, expected: string): never => {
    throw new ImagingError('unsupported', 'The pixels are laid out in a way that cannot be read.', {
      where,
      found,
      expected,
    });
  };
  if (![1, 8, 16, 32].includes(bitsAllocated) && kind === 'integer') {
    bad(`${bitsAllocated} bits allocated`, '1, 8, 16 or 32');
  }
  if (bitsStored < 1 || bitsStored > bitsAllocated || highBit < bitsStored - 1 || highBit >= bitsAllocated) {
    bad(
      `${bitsAllocated} bits allocated, ${bitsStored} stored, high bit ${highBit}`,
      'stored bits that lie within the allocated ones',
    );
  }
  if (samples < 1 || samples > 4) bad(`${samples} samples per pixel`, '1 to 4');
  if (!Number.isInteger(frames)) bad(`${frames} frames`, 'a whole number');
  return {
    rows,
    columns,
    frames,
    samples,
    planarConfiguration: readUint16(dataSet, tags.planarConfiguration) ?? 0,
    photometric: readString(dataSet, tags.photometricInterpretation) ?? 'MONOCHROME2',
    kind,
    bitsAllocated,
    bitsStored,
    highBit,
    signed: kind === 'integer' && readUint16(dataSet, tags.pixelRepresentation) === 1,
    syntax,
    offset: element.offset,
    length: element.length,
    extendedOffsets: readExtendedOffsets(file),
  };
}

function readExtendedOffsets(file: DicomFile): number[] | undefined {
  const bytes = readBytes(file.dataSet, tags.extendedOffsetTable);
  if (bytes === undefined || bytes.length < 8) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length >> 3 }, (_, i) => Number(view.getBigUint64(8 * i, true)));
}

/** Whether chroma is stored for every second pixel only, uncompressed: two bytes a pixel instead of three. */
function isSubsampled(d: PixelDescription): boolean {
  return d.photometric === 'YBR_FULL_422' && d.syntax.compression === 'none' && d.samples === 3;
}

/** Bits of one uncompressed frame as it lies in the file. */
export function frameBits(d: PixelDescription): number {
  return d.rows * d.columns * (isSubsampled(d) ? 2 : d.samples) * d.bitsAllocated;
}

/** Bytes that all uncompressed frames take. */
export function nativeLength(d: PixelDescription): number {
  return Math.ceil((frameBits(d) * d.frames) / 8);
}

/**
 * @throws ImagingError `damaged` when the pixel data is shorter than rows, columns and frames ask for
 * @param available bytes from `d.offset` to the end of the file
 */
export function assertPixelsComplete(d: PixelDescription, available: number, where?: string): void {
  if (d.length < 0) return;
  const found = Math.min(available, d.length);
  const expected = nativeLength(d);
  if (found >= expected) return;
  throw new ImagingError('damaged', 'The pixel data is cut off.', {
    where,
    found: `${found} bytes`,
    expected: `${expected} bytes for ${d.frames} x ${d.rows} x ${d.columns} x ${d.samples} at ${d.bitsAllocated} bits`,
    advice: 'Copy the file again from its source.',
  });
}
