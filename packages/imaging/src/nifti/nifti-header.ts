import { ImagingError } from '../errors/imaging-error.ts';
import type { StoredType } from '../raster/stored-values.ts';

/**
 * The fields of a NIfTI header that say what the numbers are and where they lie (nifti1.h, nifti2.h).
 * Parsed here rather than by a library, because the ones at hand replace sform by qform by rules of their
 * own and lose half-turn quaternions to rounding.
 */
export interface NiftiHeader {
  readonly version: 1 | 2;
  readonly bigEndian: boolean;
  /** The voxels are in a file of their own (.hdr + .img). */
  readonly isPair: boolean;
  /** Length of each used dimension: 1 to 7 numbers. */
  readonly dims: readonly number[];
  readonly type: StoredType;
  /** pixdim[0..7]; [0] is qfac. */
  readonly pixdim: readonly number[];
  readonly voxelOffset: number;
  /** As stored; 0 means "no scaling". */
  readonly slope: number;
  readonly intercept: number;
  readonly qformCode: number;
  readonly sformCode: number;
  /** b, c, d */
  readonly quaternion: readonly [number, number, number];
  readonly qoffset: readonly [number, number, number];
  /** srow_x, srow_y, srow_z: 12 numbers, row-major. */
  readonly sform: readonly number[];
  /** Low three bits of xyzt_units: 0 unknown, 1 metre, 2 mm, 3 micron. */
  readonly spaceUnit: number;
}

export const nifti1HeaderBytes = 348;
export const nifti2HeaderBytes = 540;

/** The datatype codes of nifti1.h that hold one real number a voxel. */
export const niftiTypeCodes: Readonly<Record<StoredType, number>> = {
  uint8: 2,
  int16: 4,
  int32: 8,
  float32: 16,
  float64: 64,
  int8: 256,
  uint16: 512,
  uint32: 768,
  int64: 1024,
  uint64: 1280,
};

const otherTypes: Readonly<Record<number, string>> = {
  1: 'binary (1 bit)',
  32: 'complex64',
  128: 'RGB24',
  1536: 'float128',
  1792: 'complex128',
  2048: 'complex256',
  2304: 'RGBA32',
};

/** Whether bytes begin like a NIfTI-1, NIfTI-2 or ANALYZE 7.5 header, in either byte order. */
export function looksLikeNifti(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && versionOf(bytes) !== undefined;
}

function versionOf(bytes: Uint8Array): { version: 1 | 2; bigEndian: boolean } | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (const bigEndian of [false, true]) {
    const length = view.getInt32(0, !bigEndian);
    if (length === nifti1HeaderBytes) return { version: 1, bigEndian };
    if (length === nifti2HeaderBytes) return { version: 2, bigEndian };
  }
  return undefined;
}

/**
 * Parses the first 348 (NIfTI-1) or 540 (NIfTI-2) bytes.
 * @throws ImagingError `not-an-image`, `damaged`, `unsupported` (ANALYZE 7.5, colour, complex)
 */
export function parseNiftiHeader(bytes: Uint8Array, path: string): NiftiHeader {
  const kind = bytes.length >= 4 ? versionOf(bytes) : undefined;
  if (kind === undefined) {
    throw new ImagingError('not-an-image', 'This is no NIfTI file.', {
      where: path,
      found: 'a header length that is neither 348 nor 540',
      expected: 'NIfTI-1 or NIfTI-2',
    });
  }
  const { version, bigEndian } = kind;
  const headerBytes = version === 1 ? nifti1HeaderBytes : nifti2HeaderBytes;
  if (bytes.length < headerBytes) {
    throw new ImagingError('damaged', 'The file ends inside its header.', {
      where: path,
      found: `${bytes.length} bytes`,
      expected: `at least ${headerBytes}`,
    });
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const little = !bigEndian;
  const magic = String.fromCharCode(...bytes.subarray(version === 1 ? 344 : 4, version === 1 ? 348 : 8));
  const expectedMagic = version === 1 ? ['n+1\0', 'ni1\0'] : ['n+2\0', 'ni2\0'];
  if (!expectedMagic.includes(magic)) {
    throw new ImagingError('unsupported', 'This looks like ANALYZE 7.5, not NIfTI.', {
      where: path,
      found: `magic ${JSON.stringify(magic)}`,
      expected: expectedMagic.map((m) => JSON.stringify(m)).join(' or '),
      advice: 'ANALYZE does not say where left and right are. Convert the scan to NIfTI from its source.',
    });
  }
  const fields = version === 1 ? fields1(view, little) : fields2(view, little);
  return {
    version,
    bigEndian,
    isPair: magic.startsWith('ni'),
    ...fields,
    dims: parseDims(fields.dims, path),
    type: parseType(fields.type, path),
    voxelOffset: parseOffset(fields.voxelOffset, magic.startsWith('ni') ? 0 : headerBytes, path),
  };
}

function fields1(view: DataView, little: boolean) {
  const f32 = (at: number) => view.getFloat32(at, little);
  const i16 = (at: number) => view.getInt16(at, little);
  return {
    dims: range(8, (i) => i16(40 + 2 * i)),
    type: i16(70),
    pixdim: range(8, (i) => f32(76 + 4 * i)),
    voxelOffset: f32(108),
    slope: f32(112),
    intercept: f32(116),
    spaceUnit: view.getUint8(123) & 7,
    qformCode: i16(252),
    sformCode: i16(254),
    quaternion: [f32(256), f32(260), f32(264)] as const,
    qoffset: [f32(268), f32(272), f32(276)] as const,
    sform: range(12, (i) => f32(280 + 4 * i)),
  };
}

function fields2(view: DataView, little: boolean) {
  const f64 = (at: number) => view.getFloat64(at, little);
  const i32 = (at: number) => view.getInt32(at, little);
  const i64 = (at: number) => Number(view.getBigInt64(at, little));
  return {
    dims: range(8, (i) => i64(16 + 8 * i)),
    type: view.getInt16(12, little),
    pixdim: range(8, (i) => f64(104 + 8 * i)),
    voxelOffset: i64(168),
    slope: f64(176),
    intercept: f64(184),
    qformCode: i32(344),
    sformCode: i32(348),
    quaternion: [f64(352), f64(360), f64(368)] as const,
    qoffset: [f64(376), f64(384), f64(392)] as const,
    sform: range(12, (i) => f64(400 + 8 * i)),
    spaceUnit: i32(500) & 7,
  };
}

function range<T>(count: number, make: (i: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => make(i));
}

function parseDims(raw: readonly number[], path: string): number[] {
  const used = raw.slice(1, 1 + raw[0]!);
  if (!(raw[0]! >= 1 && raw[0]! <= 7) || !used.every((n) => Number.isSafeInteger(n) && n >= 1)) {
    throw new ImagingError('damaged', 'The header gives no usable image size.', {
      where: `${path}, dim`,
      found: raw.join(', '),
      expected: 'a count from 1 to 7, then that many positive lengths',
    });
  }
  return used;
}

function parseType(code: number, path: string): StoredType {
  const found = (Object.keys(niftiTypeCodes) as StoredType[]).find((type) => niftiTypeCodes[type] === code);
  if (found !== undefined) return found;
  throw new ImagingError('unsupported', 'The image does not hold one real number a voxel.', {
    where: `${path}, datatype`,
    found: `${code}${otherTypes[code] ? ` ${otherTypes[code]}` : ''}`,
    expected: Object.entries(niftiTypeCodes)
      .map(([type, number]) => `${number} ${type}`)
      .join(', '),
  });
}

function parseOffset(offset: number, least: number, path: string): number {
  // Some writers leave 0 in a single file.
  if (offset === 0) return least === nifti1HeaderBytes ? 352 : least === 0 ? 0 : 544;
  if (Number.isSafeInteger(offset) && offset >= least) return offset;
  throw new ImagingError('damaged', 'The header does not say where the voxels begin.', {
    where: `${path}, vox_offset`,
    found: String(offset),
    expected: `a whole number of at least ${least}`,
  });
}
