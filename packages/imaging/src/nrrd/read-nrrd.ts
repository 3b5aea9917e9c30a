import { ImagingError } from '../errors/imaging-error.ts';
import { voxelCount } from '../geometry/geometry.ts';
import type { TaskControl } from '../progress/progress.ts';
import { openByteStream, openToRead, skipBytes } from '../raster/byte-stream.ts';
import type { StoredImage } from '../raster/stored-image.ts';
import { bytesPerValue, readStoredValues, type StoredValues, viewAs } from '../raster/stored-values.ts';
import { besideHeader, trailingBytes, voxelFileSize } from '../raster/voxel-file.ts';
import { nrrdGeometry } from './nrrd-geometry.ts';
import { maxNrrdHeaderBytes, type NrrdHeader, parseNrrdHeader } from './nrrd-header.ts';

/**
 * Reads a NRRD image: attached (.nrrd) or detached (.nhdr beside one voxel file), encoded raw, gzip or ascii.
 * @throws ImagingError `not-found`, `not-readable`, `not-an-image`, `damaged`, `unsupported`, `geometry-invalid`
 */
export async function readNrrd(path: string, control: TaskControl = {}): Promise<StoredImage> {
  const { text, bytes } = await readHeaderText(path);
  const header = parseNrrdHeader(text, path);
  const placed = nrrdGeometry(header, path);
  const count = voxelCount(placed.geometry);
  const file = header.dataFile === undefined ? path : besideHeader(path, header.dataFile);
  const fileBytes = await voxelFileSize(file, path);
  const start = header.dataFile === undefined ? bytes : 0;
  const { values, tailBytes } =
    header.encoding === 'ascii'
      ? { values: await readAscii(file, start, header, count, fileBytes, control), tailBytes: 0 }
      : await readBinary(file, start, header, count, fileBytes, control);
  const findings = [...placed.findings, ...trailingBytes(file, tailBytes)];
  return { format: 'nrrd', path, geometry: placed.geometry, values, slope: 1, intercept: 0, findings };
}

const maxTextBytes = 1 << 28;

/** Text up to the empty line, and where the data begin; a detached header may end with the file instead. */
async function readHeaderText(path: string): Promise<{ text: string; bytes: number }> {
  const handle = await openToRead(path);
  try {
    const buffer = Buffer.alloc(maxNrrdHeaderBytes);
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
    const start = buffer.toString('latin1', 0, bytesRead);
    if (!start.startsWith('NRRD000')) {
      throw new ImagingError('not-an-image', 'This is no NRRD file.', {
        where: path,
        expected: '"NRRD000" at its start',
      });
    }
    const end = /\r?\n\r?\n/.exec(start);
    if (end !== null)
      return { text: buffer.toString('utf8', 0, end.index), bytes: end.index + end[0].length };
    if (bytesRead < buffer.length) return { text: buffer.toString('utf8', 0, bytesRead), bytes: bytesRead };
    throw new ImagingError('damaged', 'The NRRD header does not end.', {
      where: path,
      expected: `an empty line within ${maxNrrdHeaderBytes} bytes`,
    });
  } finally {
    await handle.close();
  }
}

async function readBinary(
  file: string,
  start: number,
  header: NrrdHeader,
  count: number,
  fileBytes: number,
  control: TaskControl,
) {
  const packed = header.encoding === 'gzip';
  // Byte skip -1 (raw only): the voxels are the last bytes of the file.
  const fromEnd = fileBytes - count * bytesPerValue(header.type);
  if (header.byteSkip === -1 && (packed || fromEnd < start)) {
    throw new ImagingError('damaged', 'The voxels cannot be found from the end of the file.', {
      where: file,
      found: `${fileBytes} bytes, encoding ${header.encoding}, byte skip -1`,
      expected: 'raw encoding and all voxels',
    });
  }
  const lines = header.lineSkip === 0 ? start : await afterLines(file, start, header.lineSkip);
  const offset = header.byteSkip === -1 ? fromEnd : packed ? lines : lines + header.byteSkip;
  const stream = await openByteStream(file, packed, offset);
  try {
    // For gzip the byte skip counts unpacked bytes.
    if (packed) await skipBytes(stream, header.byteSkip, file);
    const { type, bigEndian } = header;
    return await readStoredValues(stream, { type, count, bigEndian, fileBytes, packed, path: file }, control);
  } finally {
    await stream.close();
  }
}

async function afterLines(file: string, start: number, lines: number): Promise<number> {
  const handle = await openToRead(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(1 << 20), 0, 1 << 20, start);
    let at = -1;
    for (let line = 0; line < lines; line++) {
      at = buffer.subarray(0, bytesRead).indexOf(10, at + 1);
      if (at < 0) {
        throw new ImagingError('damaged', 'The file has fewer lines than the header skips.', {
          where: file,
          expected: `${lines} lines`,
        });
      }
    }
    return start + at + 1;
  } finally {
    await handle.close();
  }
}

/** Numbers as text: small by nature, so it is read at once. */
async function readAscii(
  file: string,
  start: number,
  header: NrrdHeader,
  count: number,
  fileBytes: number,
  control: TaskControl,
): Promise<StoredValues> {
  const textBytes = fileBytes - start;
  // Every number needs a digit and a separator.
  if (count * 2 - 1 > textBytes) {
    throw new ImagingError('damaged', 'The text ends before its last number.', {
      where: file,
      found: `${textBytes} bytes of text`,
      expected: `${count} numbers`,
    });
  }
  if (textBytes > maxTextBytes || header.type === 'int64' || header.type === 'uint64') {
    throw new ImagingError('unsupported', 'This text-encoded NRRD is not read.', {
      where: file,
      found: `${textBytes} bytes of ${header.type} as text`,
      expected: `at most ${maxTextBytes} bytes, no 64-bit integers`,
      advice: 'Save it with the encoding gzip.',
    });
  }
  const stream = await openByteStream(file, false, start);
  const text = new Uint8Array(textBytes);
  try {
    await stream.fill(text, control);
  } finally {
    await stream.close();
  }
  const words = new TextDecoder()
    .decode(text)
    .trim()
    .split(/[\s,]+/);
  const values = viewAs(new Uint8Array(count * bytesPerValue(header.type)), header.type);
  const numbers = words.map(Number);
  const wrong = numbers.findIndex((value, i) => Number.isNaN(value) && !/^[+-]?nan$/i.test(words[i]!));
  if (numbers.length !== count || wrong >= 0) {
    throw new ImagingError('damaged', 'The text does not hold one number for each voxel.', {
      where: file,
      found: wrong >= 0 ? JSON.stringify(words[wrong]!.slice(0, 40)) : `${numbers.length} numbers`,
      expected: `${count} numbers`,
    });
  }
  (values as Exclude<StoredValues, BigInt64Array | BigUint64Array>).set(numbers); // no BigInt array: refused above
  return values;
}
