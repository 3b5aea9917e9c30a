import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readDicomScan } from '../dicom/read-dicom-scan.ts';
import { ImagingError } from '../errors/imaging-error.ts';
import type { TaskControl } from '../progress/progress.ts';
import { asReadError } from '../raster/byte-stream.ts';
import { toVolume } from '../raster/stored-image.ts';
import type { Scan } from '../volume/scan.ts';
import { checkVoxels } from './check-voxels.ts';
import { isStoredFormat, notAScan, readStoredImage, volumeFileName } from './read-stored-image.ts';
import { isPicture, sniffFormat } from './sniff-format.ts';

/** Which series to read where a path holds several. */
export interface ReadScanOptions {
  readonly seriesInstanceUid?: string;
  /** Of a DICOM folder or zip, only what lies below this folder in it (forward slashes). */
  readonly within?: string;
}

/**
 * Reads one scan from whatever lies at `path`: a DICOM folder, file or zip, or a NIfTI, NRRD or MetaImage
 * file, told apart by content. A folder without subfolders that holds exactly one volume file and no DICOM is
 * read as that file. Findings include those of `checkVoxels`: NaN or constant volumes are reported here and
 * refused by whoever wants to compute with them.
 * @throws ImagingError `not-found`, `not-readable`, `not-an-image`, `unsupported`, `damaged`,
 * `geometry-invalid`, `unsafe-archive`
 */
export async function readScan(
  path: string,
  options: ReadScanOptions = {},
  control: TaskControl = {},
): Promise<Scan> {
  const file = await findImage(path, 'scan');
  if (file === 'dicom') return withVoxelFindings(await readDicomScan(path, options, control));
  const kind = await sniffFormat(file);
  if (isStoredFormat(kind)) {
    const image = await readStoredImage(file, kind, control);
    const { volume, findings } = toVolume(image);
    return withVoxelFindings({
      volume,
      format: image.format,
      path,
      isHounsfield: false,
      slices: Array.from({ length: volume.geometry.size[2] }, () => ({})),
      findings,
    });
  }
  // Files of unknown kind may be DICOM that lost its first bytes: its reader knows best.
  if (kind === 'dicom' || kind === 'zip' || kind === 'unknown') {
    return withVoxelFindings(await readDicomScan(file, options, control));
  }
  throw notAScan(file, kind, 'scan');
}

function withVoxelFindings(scan: Scan): Scan {
  const known = new Set(scan.findings.map((finding) => finding.code));
  const added = checkVoxels(scan.volume, scan.path).filter((finding) => !known.has(finding.code));
  return { ...scan, findings: [...scan.findings, ...added] };
}

/**
 * The one volume file that `path` is or holds, or `'dicom'` for a folder that only the DICOM reader can judge.
 * @throws ImagingError `not-found` (missing, empty folder), `not-an-image` (several volume files),
 * `unsupported` (pictures only)
 */
export async function findImage(path: string, wanted: string): Promise<string | 'dicom'> {
  const entry = await stat(path).catch((error: unknown) => {
    throw asReadError(error, path);
  });
  if (!entry.isDirectory()) return headerOf(path);
  const entries = (await readdir(path, { withFileTypes: true })).filter((e) => !e.name.startsWith('.'));
  if (entries.length === 0) {
    throw new ImagingError('not-found', 'The folder is empty.', {
      where: path,
      expected: `a ${wanted}: DICOM files, or a NIfTI, NRRD or MetaImage file`,
    });
  }
  if (entries.some((e) => e.isDirectory())) return 'dicom';
  const volumes = entries.map((e) => e.name).filter((name) => volumeFileName.test(name));
  if (volumes.length === 0) {
    const kinds = await Promise.all(entries.slice(0, 16).map((e) => sniffFormat(join(path, e.name))));
    if (kinds.every(isPicture)) throw notAScan(path, kinds[0]!, wanted);
    return 'dicom';
  }
  for (const { name } of entries) {
    if (
      !volumeFileName.test(name) &&
      !voxelFileName.test(name) &&
      (await sniffFormat(join(path, name))) === 'dicom'
    )
      return 'dicom';
  }
  if (volumes.length === 1) return join(path, volumes[0]!);
  throw new ImagingError('not-an-image', `The folder holds ${volumes.length} volume files.`, {
    where: path,
    found: volumes.slice(0, 6).join(', ') + (volumes.length > 6 ? ', …' : ''),
    expected: `one ${wanted}`,
    advice: 'Name the file to read.',
  });
}

/** Voxels that belong to a header beside them. */
const voxelFileName = /\.(img|img\.gz|raw|raw\.gz|zraw)$/i;

/** The .hdr of an .img, if there is one; else the path itself. */
function headerOf(path: string): string {
  const header = path.replace(/\.img(\.gz)?$/i, '.hdr$1');
  return header !== path && existsSync(header) ? header : path;
}
