import { open } from 'node:fs/promises';
import { constants, gunzipSync } from 'node:zlib';
import { looksLikeNifti } from '../nifti/nifti-header.ts';
import { asReadError } from '../raster/byte-stream.ts';

/** What the first bytes of a file say it is. */
export type FileKind =
  | 'nifti'
  | 'nrrd'
  | 'metaimage'
  | 'dicom'
  | 'zip'
  | 'jpeg'
  | 'png'
  | 'gif'
  | 'bmp'
  | 'tiff'
  | 'pdf'
  | 'gzip'
  | 'text'
  | 'empty'
  | 'unknown';

const sniffedBytes = 4096;

/**
 * Tells a file's kind from its first 4 KiB, whatever its name. A gzipped NIfTI is `nifti`; other gzip
 * files are `gzip`. DICOM without the 128-byte preamble is `dicom` when it begins with a plausible element.
 * @throws ImagingError `not-found`, `not-readable`
 */
export async function sniffFormat(path: string): Promise<FileKind> {
  try {
    const handle = await open(path, 'r');
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(sniffedBytes), 0, sniffedBytes, 0);
      return sniffBytes(buffer.subarray(0, bytesRead));
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw asReadError(error, path);
  }
}

const signatures: readonly (readonly [FileKind, string])[] = [
  ['zip', 'PK\x03\x04'],
  ['zip', 'PK\x05\x06'],
  ['zip', 'PK\x07\x08'],
  ['jpeg', '\xff\xd8\xff'],
  ['png', '\x89PNG'],
  ['gif', 'GIF8'],
  ['tiff', 'II*\0'],
  ['tiff', 'MM\0*'],
  ['pdf', '%PDF'],
  ['nrrd', 'NRRD000'],
];

export function sniffBytes(bytes: Buffer): FileKind {
  if (bytes.length === 0) return 'empty';
  const text = bytes.toString('latin1');
  if (text.startsWith('DICM', 128)) return 'dicom';
  if (text.startsWith('\x1f\x8b')) return sniffGzip(bytes);
  if (looksLikeNifti(bytes)) return 'nifti';
  const signature = signatures.find(([, start]) => text.startsWith(start));
  if (signature !== undefined) return signature[0];
  // Two letters alone would catch text; the reserved field after the file size is zero.
  if (text.startsWith('BM') && text.startsWith('\0\0\0\0', 6)) return 'bmp';
  if (/^\s*(ObjectType|NDims|Comment)\s*=/.test(text) && /\bNDims\s*=/.test(text)) return 'metaimage';
  if (beginsLikeDicom(bytes)) return 'dicom';
  if (!bytes.some(isControlByte)) return 'text';
  return 'unknown';
}

/** Tab, line feed, form feed and carriage return occur in text, other control characters do not. */
function isControlByte(byte: number): boolean {
  return byte < 32 && byte !== 9 && byte !== 10 && byte !== 12 && byte !== 13;
}

function sniffGzip(bytes: Buffer): FileKind {
  try {
    // The file is cut at 4 KiB on purpose: take what comes out of it.
    const start = gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: 1 << 23 });
    return looksLikeNifti(start) ? 'nifti' : 'gzip';
  } catch {
    return 'gzip';
  }
}

/** Group 0002 or 0008 in either byte order, then an explicit VR or a small implicit length. */
function beginsLikeDicom(bytes: Buffer): boolean {
  if (bytes.length < 8) return false;
  const group = [bytes.readUInt16LE(0), bytes.readUInt16BE(0)];
  if (!group.includes(2) && !group.includes(8)) return false;
  return /^[A-Z]{2}$/.test(bytes.toString('latin1', 4, 6)) || bytes.readUInt32LE(4) < 1 << 16;
}

/** Pictures that people take for scans. */
export function isPicture(kind: FileKind): boolean {
  return ['jpeg', 'png', 'gif', 'bmp', 'tiff'].includes(kind);
}
