import { escapeHtml } from '../../html/escape.ts';
import { colourOfRun, drawCurves } from './curves-svg.ts';
import { judgeCurve } from './judge-curve.ts';
import { bestEpochOf, type CurveEpoch, measureNames, measuresOf, type RunCurve } from './run-curve.ts';

const style = `
body { margin: 24px auto; max-width: 900px; padding: 0 16px; font: 15px/1.5 system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif; color: #1f2933; background: #fff; }
h1 { font-size: 22px; }
figure { margin: 0; position: relative; }
figure svg { width: 100%; height: auto; display: block; }
figure svg:focus-visible { outline: 2px solid #0072B2; outline-offset: 2px; }
#values { position: absolute; pointer-events: none; visibility: hidden; background: #fff; border: 1px solid #8a949e; border-radius: 4px; padding: 6px 10px; font-size: 13px; box-shadow: 0 2px 8px rgb(0 0 0 / .15); z-index: 1; }
#values table { border: 0; font-variant-numeric: tabular-nums; }
#values td, #values th { border: 0; padding: 0 8px 0 0; }
fieldset { border: 0; padding: 0; margin: 12px 0; display: flex; flex-wrap: wrap; gap: 4px 18px; }
.key { display: inline-block; width: 12px; height: 12px; border-radius: 2px; vertical-align: -1px; }
table { border-collapse: collapse; }
th, td { text-align: right; padding: 2px 12px 2px 0; border-bottom: 1px solid #e4e8ec; font-variant-numeric: tabular-nums; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
th { font-weight: 600; }
.warning { background: #fbe9d9; }
.scroll { overflow-x: auto; }
details { margin: 12px 0; }
`;

/**
 * Moves a line and a table of values with the pointer, or with the arrow keys. Written for browsers: it is sent as text and
 * uses nothing from outside.
 */
const script = `
const { layout, runs, names } = JSON.parse(document.getElementById('data').textContent);
const svg = document.querySelector('figure svg');
const values = document.getElementById('values');
const hidden = new Set();
svg.setAttribute('tabindex', '0');
const cursor = document.createElementNS(svg.namespaceURI, 'line');
for (const [key, value] of Object.entries({ y1: layout.top, y2: layout.bottom, stroke: '#1f2933', visibility: 'hidden' })) cursor.setAttribute(key, value);
svg.append(cursor);
const span = layout.width - layout.left - layout.right;
const shown = (value) => (value === null || value === undefined ? '' : value.toFixed(3));
let epoch;
function cell(tag, content, colour) {
  const one = document.createElement(tag);
  if (colour) {
    const key = document.createElement('span');
    key.className = 'key';
    key.style.background = colour;
    one.append(key, ' ');
  }
  one.append(content);
  return one;
}
function show(wanted) {
  epoch = Math.max(Math.max(1, layout.firstEpoch), Math.min(layout.lastEpoch, wanted));
  const x = layout.left + (span * (epoch - layout.firstEpoch)) / (layout.lastEpoch - layout.firstEpoch);
  cursor.setAttribute('x1', x);
  cursor.setAttribute('x2', x);
  cursor.setAttribute('visibility', 'visible');
  const table = document.createElement('table');
  const head = document.createElement('tr');
  head.append(cell('th', 'epoch ' + epoch), ...names.flatMap((name) => [cell('th', name + ', validation'), cell('th', 'training')]));
  table.append(head);
  for (const [n, run] of runs.entries()) {
    const at = run.epochs.find((one) => one.epoch === epoch);
    if (at === undefined || hidden.has(n)) continue;
    const row = document.createElement('tr');
    row.append(cell('td', run.name + (at.isBest ? ' (best)' : ''), run.colour), ...at.values.map((value) => cell('td', shown(value))));
    table.append(row);
  }
  values.replaceChildren(table);
  values.style.visibility = 'visible';
  const scale = svg.clientWidth / layout.width;
  const wide = values.offsetWidth;
  const place = x * scale + 14 + wide > svg.clientWidth ? x * scale - 14 - wide : x * scale + 14;
  values.style.left = Math.max(0, place) + 'px';
  values.style.top = (layout.top + 8) * scale + 'px';
}
function hide() {
  values.style.visibility = 'hidden';
  cursor.setAttribute('visibility', 'hidden');
}
svg.addEventListener('pointermove', (event) => {
  const box = svg.getBoundingClientRect();
  const x = ((event.clientX - box.left) / box.width) * layout.width;
  show(Math.round(layout.firstEpoch + ((x - layout.left) / span) * (layout.lastEpoch - layout.firstEpoch)));
});
svg.addEventListener('pointerleave', hide);
svg.addEventListener('blur', hide);
svg.addEventListener('keydown', (event) => {
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (event.key === 'Escape') hide();
  if (by === undefined) return;
  event.preventDefault();
  show(epoch === undefined ? layout.firstEpoch : epoch + by);
});
for (const box of document.querySelectorAll('input[data-run]')) {
  box.addEventListener('change', () => {
    const n = Number(box.dataset.run);
    if (box.checked) hidden.delete(n);
    else hidden.add(n);
    for (const group of svg.querySelectorAll('g[data-run="' + n + '"]')) group.style.display = box.checked ? '' : 'none';
  });
}
`;

/**
 * The courses of one or several runs as a page that stands alone: the picture of `drawCurves`, values under the pointer or
 * the arrow keys, runs that can be hidden, what each course tells, and all values as a table. The same curves give the same
 * bytes.
 */
export function curvesPage(curves: readonly RunCurve[], title = 'Learning curves'): string {
  const shown = measuresOf(curves);
  const { svg, layout } = drawCurves(curves, '');
  const valuesOf = (epoch: CurveEpoch) =>
    shown.flatMap((measure) => [epoch[measure].validation, epoch[measure].training]);
  const runs = curves.map((curve, n) => {
    const best = bestEpochOf(curve);
    return {
      name: curve.name,
      colour: curves.length === 1 ? undefined : colourOfRun(n),
      epochs: curve.epochs.map((e) => ({ epoch: e.epoch, isBest: e === best, values: valuesOf(e) })),
    };
  });
  const names = shown.map((measure) => measureNames[measure]);
  const data = JSON.stringify({ layout, runs, names }).replaceAll('<', '\\u003c');
  const toggles = curves.map(
    (curve, n) =>
      `<label><input type="checkbox" data-run="${n}" checked> <span class="key" style="background:${colourOfRun(n)}"></span> ${escapeHtml(curve.name)}</label>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
${curves.length > 1 ? `<fieldset><legend class="key" style="width:auto;height:auto">Runs</legend>${toggles.join('\n')}</fieldset>` : ''}
<figure>
${svg}<div id="values" role="status"></div>
</figure>
<p>Point at the picture, or move through it with the arrow keys, for values.</p>
<h2>What the courses tell</h2>
<div class="scroll"><table>
<tr><th>run</th><th>epochs</th><th>best epoch</th>${names.map((name) => `<th>${name} there</th>`).join('')}</tr>
${curves.map((curve) => summaryRow(curve)).join('\n')}
</table></div>
<ul>
${curves.map((curve) => verdictItem(curve)).join('\n')}
</ul>
<p>The best epoch is chosen on validation patients; the model of a run is made of it. Training values are means over the
steps of an epoch, on patches drawn for training (soft Dice, each class on its own); validation values are of whole
slices, so the two may differ in level from the start: look at how they go.</p>
${curves.map((curve) => valueTable(curve)).join('\n')}
<script type="application/json" id="data">${data}</script>
<script>${script}</script>
</body>
</html>
`;

  function summaryRow(curve: RunCurve): string {
    const best = bestEpochOf(curve);
    const cells = [
      escapeHtml(curve.name),
      `${curve.epochs.length} of ${curve.plannedEpochs}`,
      String(best?.epoch ?? ''),
      ...shown.map((measure) => number(best?.[measure].validation)),
    ];
    return `<tr>${cells.map((content) => `<td>${content}</td>`).join('')}</tr>`;
  }

  function verdictItem(curve: RunCurve): string {
    const { kind, text } = judgeCurve(curve);
    const said = `<b>${escapeHtml(curve.name)}</b>: ${escapeHtml(text)}`;
    return kind === 'overfitting' ? `<li><span class="warning">${said}</span></li>` : `<li>${said}</li>`;
  }

  function valueTable(curve: RunCurve): string {
    const head = names.map((name) => `<th>${name}, validation</th><th>training</th>`).join('');
    const hasAccuracy = curve.epochs.some((e) => e.trainingAccuracy !== null);
    const rows = curve.epochs.map((e) => {
      const accuracy = hasAccuracy ? `<td>${number(e.trainingAccuracy)}</td>` : '';
      return `<tr><td>${e.epoch}${e.best ? ' *' : ''}</td>${valuesOf(e)
        .map((value) => `<td>${number(value)}</td>`)
        .join('')}${accuracy}</tr>`;
    });
    const accuracy = hasAccuracy ? '<th>training accuracy</th>' : '';
    return `<details><summary>Values of ${escapeHtml(curve.name)}</summary><div class="scroll"><table>
<tr><th>epoch (* best so far)</th>${head}${accuracy}</tr>
${rows.join('\n')}
</table></div></details>`;
  }
}

function number(value: number | null | undefined): string {
  return value == null ? '' : value.toFixed(4);
}
