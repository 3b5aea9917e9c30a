import { readFile } from 'node:fs/promises';
import type { TaskControl } from '@glisson/imaging/progress/progress';
import type { Scan } from '@glisson/imaging/volume/scan';
import { escapeHtml } from '../html/escape.ts';
import type { Lesion } from '../measure/measure-lesions.ts';
import { sliceIndex } from '../measure/slice-number.ts';
import type { Segmentation } from '../predict/segmentation.ts';
import { encodeLabelRuns } from './label-runs.ts';
import { colours } from './palette.ts';
import type { Provenance } from './provenance.ts';
import { renderSlices, reportWindow } from './render-slices.ts';
import { createSliceView, type SliceView, slicePositionMm } from './slice-view.ts';

/** The page's parts: plain HTML, CSS and browser JavaScript, put into one file. */
const assets = new URL('../../assets/report/', import.meta.url);

/**
 * Writes the report: one HTML file that scrolls through all slices with outlines and masks. It asks for
 * nothing from outside (its content security policy forbids it) and opens from disk.
 */
export async function reportHtml(
  scan: Scan,
  segmentation: Segmentation,
  provenance: Provenance,
  title: string,
  control: TaskControl = {},
): Promise<string> {
  const { geometry } = scan.volume;
  const view = createSliceView(geometry);
  const [page, style, script, pictures] = await Promise.all([
    readFile(new URL('report.html', assets), 'utf8'),
    readFile(new URL('report.css', assets), 'utf8'),
    readFile(new URL('report.js', assets), 'utf8'),
    renderSlices(scan.volume, view, control),
  ]);
  const area = geometry.size[0] * geometry.size[1];
  const slices = pictures.map((picture, n) => {
    const k = sliceIndex(geometry, n + 1);
    const labels = view.turn(segmentation.labelmap.voxels.subarray(k * area, (k + 1) * area));
    let liverPixels = 0;
    let lesionPixels = 0;
    for (const label of labels) {
      if (label >= 1) liverPixels++;
      if (label === 2) lesionPixels++;
    }
    return {
      picture: picture.toString('base64'),
      labels: encodeLabelRuns(labels),
      mm: Number(slicePositionMm(geometry, k).toFixed(1)),
      liverPixels,
      lesionPixels,
    };
  });
  const data = {
    width: view.width,
    height: view.height,
    pixelMm: view.pixelMm,
    plane: view.plane,
    numbering: view.numbering,
    sides: view.sides,
    window: [reportWindow.low, reportWindow.high],
    colours,
    lesions: segmentation.lesions.map((lesion) => lesionForPage(lesion, view)),
    slices,
  };
  const parts: Record<string, string> = {
    TITLE: escapeHtml(title),
    STYLE: style,
    SUBTITLE: escapeHtml(describeScan(scan, view)),
    WARNINGS: warningsHtml(segmentation),
    MEASURES: measuresHtml(segmentation),
    LESIONS: lesionsHtml(segmentation.lesions),
    PROVENANCE: provenanceHtml(provenance),
    // "<" never occurs raw in the data, so nothing in it can end the script element.
    DATA: JSON.stringify(data).replaceAll('<', '\\u003c'),
    SCRIPT: script,
  };
  return page.replace(/\{\{([A-Z]+)\}\}/g, (_mark, name: string) => parts[name] ?? '');
}

function lesionForPage(lesion: Lesion, view: SliceView) {
  const point = (p: readonly [number, number]) => view.toView(p).map((value) => Number(value.toFixed(2)));
  return {
    id: lesion.id,
    slice: lesion.diameter.slice,
    first: lesion.slices[0],
    last: lesion.slices[1],
    ends: lesion.diameter.ends.map(point),
    mm: Number(lesion.longestDiameterMm.toFixed(1)),
  };
}

function describeScan(scan: Scan, view: SliceView): string {
  const { size, spacing } = scan.volume.geometry;
  const mm = (value: number) => Number(value.toFixed(2));
  return [
    scan.series?.seriesDescription,
    `${view.plane} ${scan.format === 'dicom' ? (scan.series?.modality ?? 'DICOM') : scan.format.toUpperCase()}`,
    `${size[2]} slices of ${size[0]} × ${size[1]}`,
    `${mm(spacing[0])} × ${mm(spacing[1])} × ${mm(spacing[2])} mm`,
  ]
    .filter((part) => part !== undefined && part !== '')
    .join(' · ');
}

function warningsHtml({ warnings }: Segmentation): string {
  if (warnings.length === 0) return '';
  const items = warnings.map(
    ({ code, message }) => `<li><code>${escapeHtml(code)}</code> ${escapeHtml(message)}</li>`,
  );
  return `<section class="warnings" role="alert"><h2>${warnings.length} warning${warnings.length === 1 ? '' : 's'}</h2><ul>${items.join('')}</ul></section>`;
}

function measuresHtml({ liverMl, lesionMl, tumourBurden, lesions }: Segmentation): string {
  const longest = lesions.reduce((most, lesion) => Math.max(most, lesion.longestDiameterMm), 0);
  const card = (name: string, value: string, unit: string) =>
    `<div class="card"><dt>${name}</dt><dd>${value}<small>${unit}</small></dd></div>`;
  return [
    card('Lesions', String(lesions.length), ''),
    card(
      'Longest diameter',
      lesions.length === 0 ? '–' : longest.toFixed(1),
      lesions.length === 0 ? '' : 'mm',
    ),
    card('Lesion volume', lesionMl.toFixed(lesionMl < 10 ? 2 : 1), 'ml'),
    card('Liver volume', liverMl.toFixed(0), 'ml'),
    card('Tumour burden', (100 * tumourBurden).toFixed(2), '%'),
  ].join('');
}

function lesionsHtml(lesions: readonly Lesion[]): string {
  if (lesions.length === 0) return '<p class="none">No lesions were found.</p>';
  const rows = lesions.map((lesion) => {
    const confidence = lesion.confidence === null ? '–' : `${Math.round(100 * lesion.confidence)} %`;
    const centroid = lesion.centroidLps.map((mm) => mm.toFixed(0)).join(', ');
    return (
      `<tr tabindex="0" data-lesion="${lesion.id}" title="Centre (LPS): ${centroid} mm">` +
      `<td>${lesion.id}</td><td>${lesion.longestDiameterMm.toFixed(1)}</td><td>${lesion.volumeMl.toFixed(2)}</td>` +
      `<td>${lesion.meanHU.toFixed(0)}<span class="sd"> ± ${lesion.sdHU.toFixed(0)}</span></td>` +
      `<td>${lesion.slices[0]}–${lesion.slices[1]}</td><td>${confidence}</td></tr>`
    );
  });
  return (
    '<table><thead><tr><th>#</th><th>mm</th><th>ml</th><th>HU</th><th>slices</th><th title="Mean lesion probability according to the network">conf.</th></tr></thead>' +
    `<tbody>${rows.join('')}</tbody></table>`
  );
}

function provenanceHtml({ versions, model, input }: Provenance): string {
  const rows: [string, string][] = [
    [
      'Glisson',
      Object.entries(versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(', '),
    ],
    ['Recipe', `${model.recipe}, plan version ${model.planVersion}`],
    ['Model', model.sha256],
    ['Plan', model.planSha256],
    ['Voxels', input.sha256],
    ...(input.seriesInstanceUid === undefined
      ? []
      : [['Series', input.seriesInstanceUid] as [string, string]]),
  ];
  return rows.map(([name, value]) => `<dt>${name}</dt><dd>${escapeHtml(value)}</dd>`).join('');
}
