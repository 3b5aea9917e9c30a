import { dirname, join, resolve } from 'node:path';
import { ImagingError } from '@glisson/imaging/errors/imaging-error';
import { assertWritable } from '@glisson/imaging/files/assert-writable';
import { assertMayWriteFolder } from '@glisson/imaging/files/whole-files';
import { readLabelmap } from '@glisson/imaging/scan/read-labelmap';
import { readScan } from '@glisson/imaging/scan/read-scan';
import type { Finding } from '@glisson/imaging/volume/scan';
import { type FoundScan, findScans } from '@glisson/pipeline/inspect/find-scans';
import type { LesionMeasures } from '@glisson/pipeline/measure/measure-lesions';
import { loadModel } from '@glisson/pipeline/predict/load-model';
import type { LoadedModel } from '@glisson/pipeline/predict/loaded-model';
import { segmentScan } from '@glisson/pipeline/predict/segment-scan';
import type { SegmentationWarning } from '@glisson/pipeline/predict/segmentation';
import { assertMayReplaceResult } from '@glisson/pipeline/report/result-folder';
import { writeSegmentation } from '@glisson/pipeline/report/write-outputs';
import { describeFailure, type ErrorReport } from '../terminal/error-report.ts';
import { renderTable } from '../terminal/table.ts';
import type { VerbContext } from '../verb.ts';
import { type ChosenScans, chooseScans, type SkippedScan } from './choose-scans.ts';

/** As the command line gives them. */
export interface SegmentOptions {
  readonly out: string;
  readonly model: string;
  readonly plan?: string;
  readonly series?: string;
  readonly liver?: string;
  readonly force?: boolean;
}

/** The document of `glisson segment --json`. */
export interface SegmentReport {
  readonly schema: 'glisson.segment/1';
  readonly notice: string;
  /** `plan` is the file of a foreign network's plan. */
  readonly model: { readonly path: string; readonly sha256: string; readonly plan?: string };
  readonly scans: readonly SegmentedScan[];
  readonly failed: readonly { readonly name: string; readonly error: ErrorReport }[];
  readonly skipped: readonly SkippedScan[];
}

export interface SegmentedScan extends LesionMeasures {
  readonly name: string;
  readonly input: string;
  readonly seriesInstanceUid?: string;
  readonly output: string;
  readonly warnings: readonly SegmentationWarning[];
  readonly findings: readonly Finding[];
}

/**
 * Segments one scan into `options.out`, or several into a folder each below it. Of several scans, one that
 * fails is reported and the others go on; a single one that fails throws.
 */
export async function segmentScans(
  path: string,
  options: SegmentOptions,
  context: VerbContext,
): Promise<SegmentReport> {
  const { control, note } = context;
  const force = options.force === true;
  // The result folder is renamed into place: what must be writable is the folder around it.
  await assertWritable(dirname(resolve(options.out)));
  const model = await loadModel(options.model, options.plan);
  const { scans, skipped } = await findChosen(path, options.series, context);
  for (const { name, reason } of skipped) note(`skipped ${name}: ${reason}`);

  const isSingle = scans.length === 1;
  if (options.liver !== undefined && !isSingle) {
    throw new ImagingError('value-invalid', 'A mask of the liver belongs to one scan.', {
      where: options.liver,
      found: `${scans.length} scans to segment`,
      advice: 'Segment that scan alone.',
    });
  }
  const jobs = scans.map((scan) => ({ scan, output: isSingle ? options.out : join(options.out, scan.name) }));
  for (const { output } of jobs) {
    await assertMayWriteFolder(output, force);
    if (force) await assertMayReplaceResult(output);
  }

  const done: SegmentedScan[] = [];
  const failed: SegmentReport['failed'][number][] = [];
  for (const [index, { scan, output }] of jobs.entries()) {
    control.signal?.throwIfAborted();
    if (!isSingle) note(`scan ${index + 1} of ${jobs.length}: ${scan.name}`);
    try {
      done.push(await segmentOne(scan, output, model, options, context));
    } catch (error) {
      const failure = describeFailure(error, control.signal?.aborted === true);
      if (isSingle || control.signal?.aborted || !failure.isExpected) throw error;
      failed.push({ name: scan.name, error: failure.report });
      note(`failed ${scan.name}: ${failure.report.message}`);
    }
  }
  return {
    schema: 'glisson.segment/1',
    notice: 'Research use only, not a medical device.',
    model: {
      path: model.path,
      sha256: model.hash,
      ...(model.kind === 'foreign' && { plan: model.planPath }),
    },
    scans: done,
    failed,
    skipped,
  };
}

async function findChosen(
  path: string,
  series: string | undefined,
  { control }: VerbContext,
): Promise<ChosenScans> {
  const found = await findScans(path, control);
  if (series === undefined) {
    const chosen = chooseScans(found);
    if (chosen.scans.length > 0) return chosen;
    // Nothing to choose from: the reader of a single scan says best why.
    await readScan(path, {}, control);
    throw new ImagingError('not-an-image', 'There is no scan to segment here.', {
      where: path,
      found: chosen.skipped.map(({ name, reason }) => `${name}: ${reason}`).join('; ') || 'no images',
      expected: 'a CT volume',
      advice: 'Run `glisson inspect` on it to see what it holds.',
    });
  }
  const scans = found.scans.filter((scan) => scan.series?.seriesInstanceUid === series);
  if (scans.length > 0) return { scans, skipped: [] };
  const known = found.scans.map((scan) => scan.series?.seriesInstanceUid).filter((uid) => uid !== undefined);
  throw new ImagingError('not-found', 'There is no such series here.', {
    where: path,
    found: known.length > 0 ? known.join(', ') : 'no DICOM series',
    expected: `series ${series}`,
    advice: 'Run `glisson inspect` on it to see what it holds.',
  });
}

async function segmentOne(
  found: FoundScan,
  output: string,
  model: LoadedModel,
  { force = false, liver: liverPath }: SegmentOptions,
  { control, threads }: VerbContext,
): Promise<SegmentedScan> {
  const seriesInstanceUid = found.series?.seriesInstanceUid;
  const scan = await readScan(found.path, { seriesInstanceUid }, control);
  const liver = liverPath && (await readLabelmap(liverPath, { labels: 'as-found' }, control));
  const segmentation = await segmentScan(scan, model, { threads, ...(liver && { liver }) }, control);
  await writeSegmentation(output, scan, segmentation, { model, title: found.name, force }, control);
  const { liverMl, lesionMl, tumourBurden, lesions, warnings } = segmentation;
  return {
    name: found.name,
    input: found.path,
    seriesInstanceUid,
    output,
    liverMl,
    lesionMl,
    tumourBurden,
    lesions,
    warnings,
    findings: scan.findings,
  };
}

/** The report for a person: one table a scan, warnings below it. */
export function renderSegmentReport({ scans, failed, skipped, notice }: SegmentReport): string {
  const blocks = scans.map((scan) => {
    const lines = [
      `${scan.name}: liver ${scan.liverMl.toFixed(0)} ml, ${countOf(scan.lesions.length, 'lesion')}` +
        `${scan.lesions.length > 0 ? `, ${scan.lesionMl.toFixed(2)} ml together (${(scan.tumourBurden * 100).toFixed(2)} % of the liver)` : ''}`,
    ];
    if (scan.lesions.length > 0) {
      const rows = scan.lesions.map((lesion) => [
        String(lesion.id),
        lesion.volumeMl.toFixed(2),
        lesion.longestDiameterMm.toFixed(1),
        lesion.meanHU.toFixed(0),
        `${lesion.slices[0]}–${lesion.slices[1]}`,
        lesion.confidence === null ? '' : lesion.confidence.toFixed(2),
      ]);
      lines.push(renderTable(['lesion', 'ml', 'longest mm', 'mean HU', 'slices', 'confidence'], rows));
    }
    for (const warning of scan.warnings) lines.push(`warning: ${warning.message}`);
    lines.push(`Look at ${join(scan.output, 'report.html')}`);
    return lines.join('\n');
  });
  for (const { name, error } of failed) blocks.push(`${name}: failed (${error.code}). ${error.message}`);
  if (skipped.length > 0)
    blocks.push(`${countOf(skipped.length, 'series or file', 'series or files')} skipped.`);
  return [...blocks, notice].join('\n\n');
}

function countOf(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
