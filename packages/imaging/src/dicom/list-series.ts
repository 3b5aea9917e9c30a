import type { Geometry } from '../geometry/geometry.ts';
import type { TaskControl } from '../progress/progress.ts';
import type { Finding, SeriesIdentity } from '../volume/scan.ts';
import { type DicomIndex, indexDicom, type OtherObject, type UnreadFile } from './index-dicom.ts';
import { groupSeries, type Series, type Stack } from './series/group-stacks.ts';
import type { SeriesDetails } from './series/instance.ts';
import { objectKind } from './series/object-kinds.ts';
import { headerFindings, isHounsfield } from './series/stack-findings.ts';
import { orthonormal } from './series/stack-layout.ts';
import { openSource } from './source/open-source.ts';
import { straightGrid } from './straighten.ts';

/** What lies in a folder, file or zip, by the word of the headers. */
export interface DicomListing {
  readonly path: string;
  readonly series: readonly SeriesSummary[];
  /** Objects that are no images of a scan: structure sets, segmentations, reports, directories. */
  readonly others: readonly OtherObject[];
  /** Files that were not read, with the reason. */
  readonly unread: readonly UnreadFile[];
  readonly findings: readonly Finding[];
}

/** One series, as a person asks about it. */
export interface SeriesSummary {
  readonly identity: SeriesIdentity;
  readonly details: SeriesDetails;
  /** `CT image`, `Enhanced CT image`, … */
  readonly kind: string;
  readonly files: number;
  /** Deepest folder below the path that holds all its files, with forward slashes; empty for the path itself. */
  readonly folder: string;
  readonly transferSyntaxes: readonly string[];
  readonly photometric: string;
  readonly bitsStored: number;
  readonly isHounsfield: boolean;
  /** The largest first; more than one when the series mixes sizes, orientations or acquisitions. */
  readonly stacks: readonly StackSummary[];
  readonly findings: readonly Finding[];
}

/** Planes of one series that share a grid. */
export interface StackSummary {
  /** What to give as `seriesInstanceUid` to read it. */
  readonly selector: string;
  readonly images: number;
  readonly isLocalizer: boolean;
  /** Columns and rows. */
  readonly size: readonly [number, number];
  /** mm along x and y. */
  readonly pixelSpacing?: readonly [number, number];
  readonly orientation: string;
  /** The grid that `readDicomScan` gives; undefined when the stack is no volume. */
  readonly geometry?: Geometry;
  /** Why it is no volume. */
  readonly refusal?: string;
  /** What sets it apart from the other stacks of the series. */
  readonly difference?: string;
  readonly findings: readonly Finding[];
}

/**
 * Lists the DICOM objects of a folder (all levels), a file or a zip from their headers, without decoding pixels.
 * Nothing in it makes it fail: what cannot be read is listed with the reason.
 * @throws ImagingError when the path itself cannot be read, or a zip is unsafe
 */
export async function listDicom(path: string, control: TaskControl = {}): Promise<DicomListing> {
  const source = await openSource(path);
  try {
    const index = await indexDicom(source, control);
    const series = groupSeries(index.instances).map((one) => summarise(one, index));
    const findings: Finding[] = [];
    const damaged = index.unread.filter((file) => file.isDicom);
    for (const { file, reason } of damaged) {
      findings.push({ severity: 'error', code: 'unreadable-file', message: reason, where: file });
    }
    if (series.length === 0) {
      findings.push({
        severity: 'warning',
        code: 'no-images',
        message: 'No DICOM images here.',
        where: path,
      });
    }
    return { path, series, others: index.others, unread: index.unread, findings };
  } finally {
    source.close();
  }
}

/** Identity of a series from its details. */
export function identify(series: Series, details: SeriesDetails | undefined): SeriesIdentity {
  const first = series.instances[0]!;
  return {
    studyInstanceUid: series.studyUid,
    seriesInstanceUid: series.seriesUid,
    frameOfReferenceUid: first.frames[0]?.frameOfReferenceUid,
    modality: first.modality,
    patientId: details?.patientId,
    seriesNumber: details?.seriesNumber,
    seriesDescription: details?.seriesDescription,
    studyDate: details?.studyDate,
  };
}

function summarise(series: Series, index: DicomIndex): SeriesSummary {
  const first = series.instances[0]!;
  const details = index.details.get(`${series.studyUid}|${series.seriesUid}`) ?? {};
  const findings: Finding[] = [];
  const where = `series ${series.seriesUid || '(no UID)'}`;
  if (series.seriesUid === '' || series.studyUid === '') {
    findings.push({
      severity: 'warning',
      code: 'no-uid',
      message: 'Study or Series Instance UID is missing: files without it are taken as one series.',
      where,
    });
  }
  if (series.stacks.length > 1) {
    findings.push({
      severity: 'warning',
      code: 'several-stacks',
      message: `The series holds ${series.stacks.length} stacks that do not lie on one grid (mixed sizes, orientations, spacings or acquisitions).`,
      where,
    });
  }
  return {
    identity: identify(series, details),
    details,
    kind: objectKind(first.sopClassUid || undefined, first.modality).name,
    files: series.instances.length,
    folder: commonFolder(series.instances.map((instance) => instance.entry.name)),
    transferSyntaxes: [...new Set(series.instances.map((instance) => instance.pixels.syntax.name))],
    photometric: first.pixels.photometric,
    bitsStored: first.pixels.bitsStored,
    isHounsfield: isHounsfield(series.stacks[0]!.planes),
    stacks: series.stacks.map(summariseStack),
    findings,
  };
}

function commonFolder(names: readonly string[]): string {
  const folders = names.map((name) => name.split('/').slice(0, -1));
  const first = folders[0] ?? [];
  const depth = first.findIndex((part, level) => folders.some((folder) => folder[level] !== part));
  return first.slice(0, depth === -1 ? first.length : depth).join('/');
}

function summariseStack(stack: Stack): StackSummary {
  const { layout, refusal } = stack.outcome;
  const plane = stack.planes[0]!;
  const spacing = plane.pixelSpacing;
  return {
    selector: stack.selector,
    images: stack.planes.length,
    isLocalizer: stack.isLocalizer,
    size: [plane.instance.pixels.columns, plane.instance.pixels.rows],
    pixelSpacing: spacing && [spacing[1], spacing[0]],
    orientation: orientationName(plane.orientation),
    geometry:
      layout && (layout.shiftPx ? straightGrid(layout.geometry, layout.shiftPx).geometry : layout.geometry),
    refusal: refusal?.message,
    difference: stack.difference,
    findings: [...(layout?.findings ?? []), ...headerFindings(stack)],
  };
}

/** `axial`, `sagittal` or `coronal` when the normal is within 5 degrees of a patient axis, else `oblique (near …)`. */
export function orientationName(cosines: readonly number[] | undefined): string {
  const axes = cosines && orthonormal(cosines);
  if (axes === undefined) return 'unknown';
  const size = axes.normal.map(Math.abs);
  const largest = Math.max(...size);
  const name = ['sagittal', 'coronal', 'axial'][size.indexOf(largest)]!;
  return largest >= Math.cos((5 * Math.PI) / 180) ? name : `oblique (near ${name})`;
}
