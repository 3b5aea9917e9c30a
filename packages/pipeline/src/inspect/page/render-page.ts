import { escapeHtml as e } from '../../html/escape.ts';
import { explainFinding } from '../explain-finding.ts';
import type {
  FindingReport,
  GeometryReport,
  InspectReport,
  ItemReport,
  LabelReport,
} from '../inspect-report.ts';
import type { SlicePicture } from '../slice-pictures.ts';
import { drawAxes } from './axes-svg.ts';
import { drawHistogram } from './histogram-svg.ts';
import { styles } from './styles.ts';

/** Pictures of the items of a report, by item name. */
export type Sheets = ReadonlyMap<string, readonly SlicePicture[]>;

/** One self-contained page about a report: no script, no font, no address outside. */
export function renderInspectPage(report: InspectReport, sheets: Sheets): string {
  const count = (kind: ItemReport['kind']) => report.items.filter((item) => item.kind === kind).length;
  const findings = [...report.findings, ...report.items.flatMap((item) => item.findings)];
  const wrong = findings.filter((finding) => finding.severity !== 'info').length;
  const facts: readonly (readonly [number, string, string])[] = [
    [new Set(report.items.map((item) => item.studyInstanceUid).filter(Boolean)).size, 'study', 'studies'],
    [count('scan'), 'scan', 'scans'],
    [count('labelmap'), 'label image', 'label images'],
    [count('other'), 'other object', 'other objects'],
    [report.skipped.length, 'file skipped', 'files skipped'],
    [wrong, 'thing to look at', 'things to look at'],
  ];
  const summary = facts
    .filter(([number]) => number > 0)
    .map(([number, one, many]) => `<li><b>${number}</b>${number === 1 ? one : many}</li>`);
  const general =
    report.findings.length > 0 ? `<section><h2>The folder</h2>${list(report.findings)}</section>` : '';
  const name = report.path.split(/[\\/]/).filter(Boolean).at(-1) ?? report.path;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>${e(name)} – Glisson inspect</title><style>${styles}</style></head><body>
<header><h1>${e(name)}</h1>${report.layout ? `<p class="soft">A dataset in the layout <b>${e(report.layout)}</b>.</p>` : ''}
<ul class="summary">${summary.join('')}</ul></header>
<main>${general}${report.items.map((item) => renderItem(item, sheets.get(item.name) ?? [])).join('\n')}${renderSkipped(report)}</main>
<footer><p>Made by glisson inspect. This page works offline and holds everything it shows: treat it like the scans
themselves. Pictures are previews: reduced and compressed. Research use only, not a medical device.</p></footer>
</body></html>
`;
}

function renderItem(item: ItemReport, pictures: readonly SlicePicture[]): string {
  const kinds = { scan: 'scan', labelmap: 'labels', other: 'not an image volume' } as const;
  const tags = [kinds[item.kind], item.format, item.modality].filter((tag) => tag !== undefined);
  const parts = [
    `<h2>${e(item.name)}</h2><p>${tags.map((tag) => `<span class="tag">${e(tag)}</span>`).join('')}</p>`,
    renderIdentity(item),
    item.notRead === undefined
      ? ''
      : `<div class="finding finding-error"><b>Not read</b><p>${e(item.notRead)}</p></div>`,
    item.geometry === undefined ? '' : renderGeometry(item.geometry),
    pictures.length === 0 ? '' : renderSheet(pictures, item),
    item.values === undefined
      ? ''
      : `<h3>Values: ${formatValue(item.values.min)} to ${formatValue(item.values.max)}, mean ${formatValue(item.values.mean)}</h3>${drawHistogram(item.values)}`,
    item.labels === undefined ? '' : renderLabels(item.labels),
    item.findings.length === 0 ? '' : `<h3>What to know about it</h3>${list(item.findings)}`,
  ];
  return `<section>${parts.join('')}</section>`;
}

function renderIdentity(item: ItemReport): string {
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['Patient', item.patient],
    ['Series', [item.seriesNumber, item.seriesDescription].filter(Boolean).join(': ') || undefined],
    ['Study date', item.studyDate],
    ['Where', item.path],
  ];
  const uids = [
    item.studyInstanceUid && `Study ${item.studyInstanceUid}`,
    item.seriesInstanceUid && `Series ${item.seriesInstanceUid}`,
  ];
  const identifiers = uids.filter(Boolean).map((uid) => `<p><code>${e(uid!)}</code></p>`);
  return (
    `<dl>${rows.map(([name, value]) => (value ? `<dt>${name}</dt><dd>${e(value)}</dd>` : '')).join('')}</dl>` +
    (identifiers.length > 0 ? `<details><summary>Identifiers</summary>${identifiers.join('')}</details>` : '')
  );
}

function renderGeometry(geometry: GeometryReport): string {
  const mm = (values: readonly number[], digits: number) => values.map((v) => v.toFixed(digits)).join(' × ');
  const tilt = geometry.obliqueDegrees > 0 ? `, oblique by ${geometry.obliqueDegrees.toFixed(1)}°` : '';
  return `<h3>Geometry</h3><div class="columns"><dl>
<dt>Size</dt><dd>${geometry.size.join(' × ')} voxels</dd>
<dt>Spacing</dt><dd>${mm(geometry.spacingMm, 3)} mm from voxel to voxel</dd>
<dt>Field of view</dt><dd>${mm(geometry.fieldOfViewMm, 0)} mm</dd>
<dt>Slices</dt><dd>${geometry.plane}${tilt}</dd>
<dt>Orientation</dt><dd>${e(geometry.orientationCode)}: ${geometry.orientationWords.map((words, axis) => `<br>${'xyz'[axis]} runs ${e(words)}`).join('')}</dd>
</dl>${drawAxes(geometry)}</div>`;
}

function renderSheet(pictures: readonly SlicePicture[], item: ItemReport): string {
  const figures = pictures.map(
    (picture) =>
      `<li><figure><img alt="${picture.view} ${e(picture.caption)}" width="${picture.width}" height="${picture.height}" ` +
      `src="data:image/jpeg;base64,${Buffer.from(picture.jpeg).toString('base64')}"><figcaption>${e(picture.caption)}</figcaption></figure></li>`,
  );
  const key = item.labels?.length
    ? '<span class="key" style="background:#40c8ff"></span>liver (1)<span class="key" style="background:#ff5c40"></span>lesion (2)'
    : '';
  return `<h3>Slices, from the head down, as a radiologist looks at them: the patient's right is on the left, the front on top ${key}</h3><ul class="sheet">${figures.join('')}</ul>`;
}

function renderLabels(labels: readonly LabelReport[]): string {
  if (labels.length === 0) return '<h3>Labels</h3><p>Only background.</p>';
  const rows = labels.map(
    (label) =>
      `<tr><td class="number">${label.value}</td><td>${e(label.name ?? '(no name)')}</td><td class="number">${label.voxels.toLocaleString('en')}</td>` +
      `<td class="number">${label.ml.toFixed(label.ml < 10 ? 2 : 0)}</td><td class="number">${label.components}</td><td class="number">${label.slices[0] + 1} – ${label.slices[1] + 1}</td></tr>`,
  );
  return `<h3>Labels</h3><div class="scroll"><table><tr><th class="number">value</th><th>name</th><th class="number">voxels</th><th class="number">ml</th><th class="number">pieces</th><th class="number">stored slices</th></tr>${rows.join('')}</table></div>`;
}

function list(findings: readonly FindingReport[]): string {
  const order = { error: 0, warning: 1, info: 2 } as const;
  return [...findings]
    .sort((a, b) => order[a.severity] - order[b.severity])
    .map((finding) => {
      const more = explainFinding(finding.code);
      const explained = more ? `<p>${e(more.meaning)}</p><p><i>What to do:</i> ${e(more.advice)}</p>` : '';
      const where = finding.where ? `<p class="soft"><code>${e(finding.where)}</code></p>` : '';
      return `<div class="finding finding-${finding.severity}"><b>${e(finding.message)}</b>${explained}${where}</div>`;
    })
    .join('');
}

function renderSkipped(report: InspectReport): string {
  if (report.skipped.length === 0) return '';
  const rows = report.skipped.map(
    ({ where, reason }) => `<tr><td><code>${e(where)}</code></td><td>${e(reason)}</td></tr>`,
  );
  return `<section><h2>Skipped</h2><p>Files that hold no scan, or cannot be read.</p><details${rows.length <= 12 ? ' open' : ''}><summary>${rows.length} files</summary><div class="scroll"><table>${rows.join('')}</table></div></details></section>`;
}

function formatValue(value: number): string {
  return Number.isInteger(value) || Math.abs(value) >= 100 ? String(Math.round(value)) : value.toPrecision(3);
}
