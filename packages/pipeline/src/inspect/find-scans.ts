import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import type { DatasetCase } from '@glisson/imaging/datasets/dataset';
import { readDataset } from '@glisson/imaging/datasets/read-dataset';
import { listDicom, type SeriesSummary } from '@glisson/imaging/dicom/list-series';
import { ImagingError } from '@glisson/imaging/errors/imaging-error';
import type { TaskControl } from '@glisson/imaging/progress/progress';
import { isStoredFormat, volumeFileName } from '@glisson/imaging/scan/read-stored-image';
import { sniffFormat } from '@glisson/imaging/scan/sniff-format';
import type { LabelTable } from '@glisson/imaging/volume/labelmap';
import type { Finding } from '@glisson/imaging/volume/scan';

/** Something that can be read as one scan. */
export interface FoundScan {
  /** Short, unique among its neighbours, and fit for a folder name. */
  readonly name: string;
  readonly path: string;
  /** When the path holds DICOM. */
  readonly series?: FoundSeries;
  /** When the scan is a case of a dataset. */
  readonly dataCase?: DatasetCase;
}

/** A DICOM series (or a part of it that lies on one grid), as far as telling it from others needs. */
export interface FoundSeries {
  /** What to give as `seriesInstanceUid` to read it: the UID, with `#2` for a second grid. */
  readonly seriesInstanceUid: string;
  readonly studyInstanceUid?: string;
  readonly studyDate?: string;
  readonly seriesNumber?: string;
  readonly seriesDescription?: string;
  readonly modality?: string;
  readonly images: number;
  readonly isLocalizer: boolean;
  /** Why it is no volume, when it is none. */
  readonly refusal?: string;
  readonly findings: readonly Finding[];
}

/** Everything below a path that looks like a scan, without reading voxels. */
export interface FoundScans {
  readonly layout?: string;
  readonly labels?: LabelTable;
  readonly scans: readonly FoundScan[];
  readonly skipped: readonly { readonly where: string; readonly reason: string }[];
  readonly findings: readonly Finding[];
}

/**
 * Lists the scans of a path: the cases of a dataset layout, or else every volume file and DICOM series below.
 * @throws ImagingError `not-found`, `not-readable`
 */
export async function findScans(path: string, control: TaskControl = {}): Promise<FoundScans> {
  const info = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    throw new ImagingError(
      cause.code === 'EACCES' ? 'not-readable' : 'not-found',
      'There is nothing to read here.',
      {
        where: path,
        found: cause.code,
        expected: 'a file or folder of scans',
        cause,
      },
    );
  });
  if (!info.isDirectory()) {
    const kind = await sniffFormat(path);
    if (isStoredFormat(kind)) return { scans: [volumeScan(path, dirname(path))], skipped: [], findings: [] };
    return finish(await findSeries(path, control));
  }
  const dataset = await asDataset(path);
  if (dataset !== undefined) return dataset;

  const files = await volumeFiles(path, control);
  const inDicom = await findSeries(path, control);
  const volumes = new Set(files.map((file) => relative(path, file).split(sep).join('/')));
  return finish({
    ...inDicom,
    scans: [...inDicom.scans, ...files.map((file) => volumeScan(file, path))],
    // The DICOM reader sees the other formats as files it does not know.
    skipped: inDicom.skipped.filter(({ where }) => !volumes.has(where)),
  });
}

async function asDataset(path: string): Promise<FoundScans | undefined> {
  try {
    const { layout, labels, cases, findings } = await readDataset(path);
    return finish({
      layout,
      labels,
      scans: cases.map((dataCase) => ({ name: dataCase.id, path: dataCase.image, dataCase })),
      skipped: [],
      findings,
    });
  } catch (error) {
    // No layout that is known: then it is a folder of scans.
    if (error instanceof ImagingError && error.code === 'not-found') return undefined;
    throw error;
  }
}

function volumeScan(file: string, base: string): FoundScan {
  return { name: relative(base, file).replace(volumeFileName, ''), path: file };
}

async function volumeFiles(folder: string, control: TaskControl): Promise<string[]> {
  control.signal?.throwIfAborted();
  const entries = (await readdir(folder, { withFileTypes: true })).filter(
    (entry) => !entry.name.startsWith('.'),
  );
  const byName = entries.sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
  const found: string[] = [];
  for (const entry of byName) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) found.push(...(await volumeFiles(path, control)));
    else if (volumeFileName.test(entry.name) && isStoredFormat(await sniffFormat(path))) found.push(path);
  }
  return found;
}

/** Makes names unique and fit for folders. */
function finish(found: FoundScans): FoundScans {
  const used = new Set<string>();
  const scans = found.scans.map((scan) => {
    const plain = scan.name.replace(/[^\p{L}\p{N}._-]+/gu, '-').replace(/^[-.]+|[-.]+$/g, '') || 'scan';
    let name = plain;
    for (let n = 2; used.has(name.toLowerCase()); n++) name = `${plain}-${n}`;
    used.add(name.toLowerCase());
    return { ...scan, name };
  });
  return { ...found, scans };
}

/** The series below a path; a series that mixes grids counts once for each. */
async function findSeries(path: string, control: TaskControl): Promise<FoundScans> {
  const { series, others, unread, findings } = await listDicom(path, control);
  const stacks = series.flatMap((one) => one.stacks.map((stack) => ({ one, stack })));
  return {
    scans: stacks.map(({ one, stack }) => ({
      name: stacks.length === 1 ? namePlace(placeOf(path, one)) : nameSeries(one),
      path: placeOf(path, one),
      series: {
        seriesInstanceUid: stack.selector,
        studyInstanceUid: one.identity.studyInstanceUid || undefined,
        studyDate: one.identity.studyDate,
        seriesNumber: one.identity.seriesNumber,
        seriesDescription: one.identity.seriesDescription,
        modality: one.identity.modality,
        images: stack.images,
        isLocalizer: stack.isLocalizer,
        refusal: stack.refusal,
        findings: [...one.findings, ...stack.findings],
      },
    })),
    skipped: [
      ...others.map(({ file, kind }) => ({ where: file, reason: `${kind}: no slices of a scan` })),
      ...unread.map(({ file, reason }) => ({ where: file, reason })),
    ],
    // An empty folder is reported by whoever asked, in the same words for every format.
    findings: findings.filter((finding) => finding.code !== 'no-images'),
  };
}

/**
 * The folder of a series below `path`, so that reading it need not look at every file of a large export again.
 * A series with several grids is named by the order of all of them, and what lies in a zip has no folder.
 */
function placeOf(path: string, { folder, stacks }: SeriesSummary): string {
  const place = join(path, folder);
  return stacks.length === 1 && existsSync(place) ? place : path;
}

/** Folder names that only say that there are pictures. */
const saysNothing = /^(patient_)?(dicom|dcm|images?|ct|series)$/i;

/** Name of a place that holds one scan: that of the nearest folder, itself included, that says something. */
function namePlace(path: string): string {
  const parts = resolve(path).split(sep).filter(Boolean);
  const telling = parts.findLast((part) => !saysNothing.test(part)) ?? 'scan';
  return telling.replace(/\.(zip|dcm)$/i, '');
}

function nameSeries({ identity }: SeriesSummary): string {
  const text = [identity.seriesNumber, identity.seriesDescription].filter(Boolean).join('-');
  return text === '' ? 'series' : text;
}
