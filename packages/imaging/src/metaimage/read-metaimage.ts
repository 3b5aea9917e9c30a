import { ImagingError } from '../errors/imaging-error.ts';
import { voxelCount } from '../geometry/geometry.ts';
import type { TaskControl } from '../progress/progress.ts';
import { openByteStream, openToRead } from '../raster/byte-stream.ts';
import { gridFromSteps } from '../raster/grid-from-axes.ts';
import type { StoredImage } from '../raster/stored-image.ts';
import { bytesPerValue, readStoredValues } from '../raster/stored-values.ts';
import { besideHeader, trailingBytes, voxelFileSize } from '../raster/voxel-file.ts';
import type { Finding } from '../volume/scan.ts';
import { interpretMetaImage, parseMetaImageFields } from './metaimage-header.ts';

const maxHeaderBytes = 1 << 16;

/**
 * Reads a MetaImage: .mha, or .mhd beside one voxel file, compressed (zlib) or not.
 * @throws ImagingError `not-found`, `not-readable`, `not-an-image`, `damaged`, `unsupported`, `geometry-invalid`
 */
export async function readMetaImage(path: string, control: TaskControl = {}): Promise<StoredImage> {
  const { fields, bytes } = parseMetaImageFields(await readStart(path), path);
  const header = interpretMetaImage(fields, path);
  const placed = gridFromSteps(header.size, header.steps, header.origin, path);
  const remarks: Finding[] = header.remarks.map((remark) => ({
    severity: 'warning',
    where: path,
    ...remark,
  }));

  const isLocal = /^LOCAL$/i.test(header.dataFile);
  const file = isLocal ? path : besideHeader(path, header.dataFile);
  const fileBytes = await voxelFileSize(file, path);
  const { type, bigEndian, compressed: packed } = header;
  const count = voxelCount(placed.geometry);
  const stream = await openByteStream(file, packed, voxelStart());
  try {
    const block = { type, count, bigEndian, fileBytes, packed, path: file };
    const { values, tailBytes } = await readStoredValues(stream, block, control);
    return {
      format: 'metaimage',
      path,
      geometry: placed.geometry,
      values,
      slope: 1,
      intercept: 0,
      findings: [...remarks, ...placed.findings, ...trailingBytes(file, tailBytes)],
    };
  } finally {
    await stream.close();
  }

  function voxelStart(): number {
    if (header.headerSize >= 0) return (isLocal ? bytes : 0) + header.headerSize;
    const start = fileBytes - count * bytesPerValue(type);
    if (!packed && start >= 0) return start;
    throw new ImagingError('damaged', 'The voxels cannot be found from the end of the file.', {
      where: file,
      found: `${fileBytes} bytes${packed ? ', compressed' : ''}, HeaderSize -1`,
      expected: `${count * bytesPerValue(type)} uncompressed bytes`,
    });
  }
}

async function readStart(path: string): Promise<string> {
  const handle = await openToRead(path);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(maxHeaderBytes), 0, maxHeaderBytes, 0);
    return buffer.toString('latin1', 0, bytesRead);
  } finally {
    await handle.close();
  }
}
