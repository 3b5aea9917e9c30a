import { stat } from 'node:fs/promises';
import { ImagingError } from '../errors/imaging-error.ts';
import { voxelCount } from '../geometry/geometry.ts';
import type { TaskControl } from '../progress/progress.ts';
import {
  asReadError,
  type ByteStream,
  openByteStream,
  openToRead,
  skipBytes,
} from '../raster/byte-stream.ts';
import type { StoredImage } from '../raster/stored-image.ts';
import { readStoredValues } from '../raster/stored-values.ts';
import { trailingBytes } from '../raster/voxel-file.ts';
import type { Finding } from '../volume/scan.ts';
import { niftiGeometry } from './nifti-geometry.ts';
import { type NiftiHeader, nifti1HeaderBytes, nifti2HeaderBytes, parseNiftiHeader } from './nifti-header.ts';

/**
 * Reads a NIfTI-1 or NIfTI-2 image: .nii, .nii.gz, or either file of a .hdr + .img pair (gzipped or not).
 * Whether a file is compressed is seen from its bytes, not from its name.
 * @throws ImagingError `not-found`, `not-readable`, `not-an-image`, `damaged`, `unsupported`, `geometry-invalid`
 */
export async function readNifti(path: string, control: TaskControl = {}): Promise<StoredImage> {
  const headerPath = path.replace(/\.img(\.gz)?$/i, '.hdr$1');
  const packed = await isGzip(headerPath);
  const stream = await openByteStream(headerPath, packed);
  try {
    const { header, consumed } = await readHeader(stream, headerPath);
    const { geometry, findings } = niftiGeometry(header, headerPath);
    if (header.isPair) return await readPair(headerPath, header, geometry, findings, control);
    await skipBytes(stream, header.voxelOffset - consumed, headerPath);
    return await finish(stream, headerPath, packed, header, geometry, findings, control);
  } finally {
    await stream.close();
  }
}

async function readPair(
  headerPath: string,
  header: NiftiHeader,
  geometry: StoredImage['geometry'],
  findings: readonly Finding[],
  control: TaskControl,
): Promise<StoredImage> {
  const base = headerPath.replace(/\.hdr(\.gz)?$/i, '');
  const upper = /\.HDR/.test(headerPath);
  const candidates = upper ? ['.IMG', '.IMG.GZ'] : ['.img', '.img.gz'];
  for (const extension of candidates) {
    const voxelPath = base + extension;
    const exists = await stat(voxelPath).then(
      (entry) => entry.isFile(),
      () => false,
    );
    if (!exists) continue;
    const packed = await isGzip(voxelPath);
    const stream = await openByteStream(voxelPath, packed);
    try {
      await skipBytes(stream, header.voxelOffset, voxelPath);
      return await finish(stream, voxelPath, packed, header, geometry, findings, control);
    } finally {
      await stream.close();
    }
  }
  throw new ImagingError('not-found', 'The voxels of this NIfTI pair are missing.', {
    where: headerPath,
    found: 'a .hdr without its .img',
    expected: candidates.map((extension) => base + extension).join(' or '),
  });
}

async function finish(
  stream: ByteStream,
  path: string,
  packed: boolean,
  header: NiftiHeader,
  geometry: StoredImage['geometry'],
  placed: readonly Finding[],
  control: TaskControl,
): Promise<StoredImage> {
  const findings = [...placed];
  const fileBytes = (await stat(path)).size;
  const { values, tailBytes } = await readStoredValues(
    stream,
    { type: header.type, count: voxelCount(geometry), bigEndian: header.bigEndian, fileBytes, packed, path },
    control,
  );
  findings.push(...trailingBytes(path, tailBytes));
  // nifti1.h: slope 0 means that no scaling applies. NaN and infinity come from broken writers.
  const scales = Number.isFinite(header.slope) && header.slope !== 0;
  if (!Number.isFinite(header.slope) || !Number.isFinite(header.intercept)) {
    findings.push({
      severity: 'info',
      code: 'scaling-ignored',
      message: `scl_slope ${header.slope}, scl_inter ${header.intercept}: not usable, values were taken as stored.`,
      where: path,
    });
  }
  const intercept = scales && Number.isFinite(header.intercept) ? header.intercept : 0;
  return {
    format: 'nifti',
    path,
    geometry,
    values,
    slope: scales ? header.slope : 1,
    intercept,
    findings,
  };
}

async function readHeader(
  stream: ByteStream,
  path: string,
): Promise<{ header: NiftiHeader; consumed: number }> {
  const bytes = new Uint8Array(nifti2HeaderBytes);
  const first = await stream.fill(bytes.subarray(0, nifti1HeaderBytes));
  const isVersion2 = first >= 4 && (bytes[0] === 0x1c || bytes[3] === 0x1c);
  const rest = isVersion2 ? await stream.fill(bytes.subarray(nifti1HeaderBytes)) : 0;
  const consumed = first + rest;
  return { header: parseNiftiHeader(bytes.subarray(0, consumed), path), consumed };
}

async function isGzip(path: string): Promise<boolean> {
  const handle = await openToRead(path);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
  } catch (error) {
    throw asReadError(error, path);
  } finally {
    await handle.close();
  }
}
