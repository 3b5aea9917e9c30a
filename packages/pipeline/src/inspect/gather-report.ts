import { resolve } from 'node:path';
import { readCase } from '@glisson/imaging/datasets/read-dataset';
import { ImagingError } from '@glisson/imaging/errors/imaging-error';
import type { TaskControl } from '@glisson/imaging/progress/progress';
import { readScan } from '@glisson/imaging/scan/read-scan';
import type { Labelmap, LabelTable } from '@glisson/imaging/volume/labelmap';
import type { Finding, Scan, SeriesIdentity } from '@glisson/imaging/volume/scan';
import type { VolumeVoxels } from '@glisson/imaging/volume/volume';
import { describeGridForPeople } from './describe-geometry.ts';
import { describeLabels } from './describe-labels.ts';
import { describeValues } from './describe-values.ts';
import { type FoundScan, type FoundSeries, findScans } from './find-scans.ts';
import type { FindingReport, InspectReport, ItemReport, ValuesReport } from './inspect-report.ts';
import { drawSliceSheet, type SlicePicture } from './slice-pictures.ts';

/** What `gatherReport` found. */
export interface Gathered {
  readonly report: InspectReport;
  /** Pictures by item name; empty unless asked for. */
  readonly sheets: ReadonlyMap<string, readonly SlicePicture[]>;
}

/**
 * Looks at everything below a path. Scans are read one after the other, so memory is that of the largest.
 * What cannot be read is part of the report, with its reason.
 * @param pictures also draw slices of each scan
 * @throws ImagingError `not-found`, `not-readable` when the path itself cannot be looked at
 */
export async function gatherReport(
  path: string,
  pictures: boolean,
  control: TaskControl = {},
): Promise<Gathered> {
  const { signal, onProgress } = control;
  const found = await findScans(path, control);
  const items: ItemReport[] = [];
  const sheets = new Map<string, readonly SlicePicture[]>();
  for (const [index, one] of found.scans.entries()) {
    signal?.throwIfAborted();
    onProgress?.({ stage: 'inspect', done: index, total: found.scans.length, unit: 'scans', note: one.name });
    const { item, sheet } = await inspectOne(one, found.labels ?? [], pictures, signal);
    items.push(item);
    if (sheet !== undefined) sheets.set(item.name, sheet);
  }
  onProgress?.({ stage: 'inspect', done: found.scans.length, total: found.scans.length, unit: 'scans' });

  const findings: FindingReport[] = [...found.findings];
  const studies = new Set(items.map((item) => item.studyInstanceUid).filter((uid) => uid !== undefined));
  if (found.layout === undefined && studies.size > 1) {
    findings.push({
      severity: 'info',
      code: 'several-studies',
      message: `${studies.size} studies lie in this folder`,
    });
  }
  if (items.length === 0 && !findings.some((finding) => finding.severity === 'error')) {
    findings.push({
      severity: 'error',
      code: 'nothing-found',
      message: 'No scan was found here',
      where: path,
    });
  }
  const report: InspectReport = {
    schema: 'glisson.inspect/1',
    path: resolve(path),
    layout: found.layout,
    items,
    skipped: [...found.skipped],
    findings,
  };
  return { report, sheets };
}

/** Whether a report tells of something that cannot be used as it is. */
export function hasErrors(report: InspectReport): boolean {
  const findings = [...report.findings, ...report.items.flatMap((item) => item.findings)];
  return findings.some((finding) => finding.severity === 'error');
}

async function inspectOne(
  found: FoundScan,
  labels: LabelTable,
  pictures: boolean,
  signal: AbortSignal | undefined,
): Promise<{ item: ItemReport; sheet?: SlicePicture[] }> {
  const known = {
    name: found.name,
    path: found.path,
    patient: found.dataCase?.patient,
    ...seriesFields(found.series),
  };
  const { series } = found;
  if (series?.isLocalizer || series?.refusal !== undefined) {
    return {
      item: {
        ...known,
        kind: series.isLocalizer ? 'other' : 'scan',
        format: 'dicom',
        notRead: series.isLocalizer ? undefined : series.refusal,
        findings: series.findings.map(asReport),
      },
    };
  }
  let scan: Scan;
  let labelmap: Labelmap | undefined;
  const problems: FindingReport[] = [];
  try {
    ({ scan, labelmap } = await readBoth(found, labels, problems, signal));
  } catch (error) {
    if (!(error instanceof ImagingError) || error.code === 'cancelled') throw error;
    return {
      item: {
        ...known,
        kind: 'scan',
        format: series === undefined ? 'unknown' : 'dicom',
        notRead: error.message,
        findings: [{ severity: 'error', code: error.code, message: 'This scan cannot be read' }],
      },
    };
  }

  const { geometry, voxels } = scan.volume;
  const ownLabels = labelmap === undefined && scan.format !== 'dicom' ? asLabelValues(voxels) : undefined;
  const isLabelmap = ownLabels !== undefined;
  const grid = describeGridForPeople(geometry);
  const values = isLabelmap ? undefined : describeValues(voxels, scan.isHounsfield);
  const toDescribe = isLabelmap ? { geometry, voxels: ownLabels, labels: [] } : labelmap;
  const findings = [
    ...(isLabelmap ? [] : scanFindings(scan, series?.findings ?? [])),
    ...problems,
    ...gridFindings(grid),
  ];
  const item: ItemReport = {
    ...seriesFields(scan.series),
    ...known,
    kind: isLabelmap ? 'labelmap' : 'scan',
    format: scan.format,
    geometry: grid,
    values,
    labels: toDescribe === undefined ? undefined : describeLabels(toDescribe),
    findings,
  };
  if (!pictures) return { item };
  const window = values === undefined ? { low: 0, high: 255 } : chooseWindow(values);
  return { item, sheet: await drawSliceSheet(scan.volume, window, toDescribe) };
}

/** Said once for the whole folder: that other series were left out, and which files could not be read. */
const folderFindings = new Set(['other-series', 'unreadable-file']);

/** What reader and listing noticed about one scan, each thing once. */
function scanFindings(scan: Scan, listed: readonly Finding[]): FindingReport[] {
  const isListed = scan.format === 'dicom';
  const all = [...scan.findings, ...listed].filter(({ code }) => !isListed || !folderFindings.has(code));
  return all
    .filter((one, index) => all.findIndex((o) => o.code === one.code && o.message === one.message) === index)
    .map(asReport);
}

/** Reads scan and labels; labels that do not belong to their scan become a problem, not a failure. */
async function readBoth(
  found: FoundScan,
  labels: LabelTable,
  problems: FindingReport[],
  signal: AbortSignal | undefined,
): Promise<{ scan: Scan; labelmap?: Labelmap }> {
  if (found.dataCase?.label !== undefined) {
    try {
      return await readCase(found.dataCase, labels, { signal });
    } catch (error) {
      if (!(error instanceof ImagingError) || error.code === 'cancelled') throw error;
      const code = error.code === 'geometry-mismatch' ? 'label-geometry' : error.code;
      problems.push({ severity: 'error', code, message: error.message, where: error.explanation.where });
    }
  }
  const seriesInstanceUid = found.series?.seriesInstanceUid;
  return { scan: await readScan(found.path, { seriesInstanceUid }, { signal }) };
}

function seriesFields(series: SeriesIdentity | FoundSeries | undefined): Partial<ItemReport> {
  if (series === undefined) return {};
  const { modality, studyInstanceUid, studyDate, seriesInstanceUid, seriesNumber, seriesDescription } =
    series;
  // DICOM writes dates as YYYYMMDD (PS3.5 section 6.2).
  const isoDate = studyDate?.replace(/^(\d{4})(\d{2})(\d{2})$/, '$1-$2-$3');
  return {
    modality,
    studyInstanceUid,
    studyDate: isoDate,
    seriesInstanceUid,
    seriesNumber,
    seriesDescription,
  };
}

function asReport({ severity, code, message, where }: Finding): FindingReport {
  return where === undefined ? { severity, code, message } : { severity, code, message, where };
}

const mostLabels = 40;

/** The voxels as label values when that is what they look like: few whole numbers 0..255, 0 among them. */
function asLabelValues(voxels: VolumeVoxels): Uint8Array | undefined {
  const seen = new Uint8Array(256);
  let distinct = 0;
  for (let i = 0; i < voxels.length; i++) {
    const value = voxels[i]!;
    if (!(value >= 0 && value <= 255) || !Number.isInteger(value)) return undefined;
    if (seen[value] === 0) {
      seen[value] = 1;
      if (++distinct > mostLabels) return undefined;
    }
  }
  return seen[0] === 1 && distinct > 1 ? Uint8Array.from(voxels) : undefined;
}

function gridFindings(grid: NonNullable<ItemReport['geometry']>): FindingReport[] {
  const findings: FindingReport[] = [];
  const thickness = grid.spacingMm[2];
  if (grid.size[2] === 1) {
    findings.push({ severity: 'warning', code: 'single-slice', message: 'There is only one slice' });
  } else if (thickness > 5.5) {
    findings.push({
      severity: 'warning',
      code: 'thick-slices',
      message: `Slices are ${thickness.toFixed(1)} mm apart`,
    });
  }
  if (grid.obliqueDegrees > 1) {
    findings.push({
      severity: 'info',
      code: 'oblique-grid',
      message: `The grid is turned by ${grid.obliqueDegrees.toFixed(1)} degrees against the patient`,
    });
  }
  return findings;
}

/** Soft-tissue window for CT, the middle 98 % of values for everything else. */
function chooseWindow(values: ValuesReport): { low: number; high: number } {
  const { histogram } = values;
  if (values.isHounsfield || histogram.low <= -1000) return { low: -160, high: 240 };
  const total = histogram.counts.reduce((sum, count) => sum + count, 0);
  const valueAt = (share: number) => {
    let passed = 0;
    const bin = histogram.counts.findIndex((count) => {
      passed += count;
      return passed >= share * total;
    });
    return histogram.low + Math.max(0, bin) * histogram.binWidth;
  };
  const low = valueAt(0.01);
  const high = valueAt(0.99);
  return high > low ? { low, high } : { low, high: low + 1 };
}
