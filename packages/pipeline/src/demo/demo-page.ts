import { escapeHtml } from '../html/escape.ts';
import type { Lesion } from '../measure/measure-lesions.ts';
import type { SegmentationWarning } from '../predict/segmentation.ts';
import type { DemoResult, UnseenPatient } from './demo-result.ts';
import type { Comparison } from './draw-comparisons.ts';

export interface DemoPageContent {
  readonly result: DemoResult;
  readonly comparisons: readonly Comparison[];
  readonly lesions: readonly Lesion[];
  readonly warnings: readonly SegmentationWarning[];
  readonly curveSvg: string;
}

function statistic(value: string, name: string): string {
  return `<div class="statistic"><b>${escapeHtml(value)}</b><span>${escapeHtml(name)}</span></div>`;
}

function confidenceText(confidence: number | null): string {
  return confidence === null ? '–' : `${(confidence * 100).toFixed(0)} %`;
}

function lesionRows(lesions: readonly Lesion[]): string {
  return lesions
    .map(
      (lesion) =>
        `<tr><td>${lesion.id}</td><td>${lesion.volumeMl.toFixed(2)}</td><td>${lesion.longestDiameterMm.toFixed(1)}</td>` +
        `<td>${lesion.meanHU.toFixed(0)} ± ${lesion.sdHU.toFixed(0)}</td>` +
        `<td>${lesion.slices[0]}–${lesion.slices[1]}</td><td>${confidenceText(lesion.confidence)}</td></tr>`,
    )
    .join('');
}

function patientRows(patients: readonly UnseenPatient[], shown: string): string {
  return patients
    .map(
      ({ id, phase, lesions, lesionsFound, liver, lesion }) =>
        `<tr><td>${escapeHtml(id)}${id === shown ? ' (shown below)' : ''}</td><td>${phase}</td><td>${lesions}</td>` +
        `<td>${lesionsFound}</td><td>${lesion.referenceMl.toFixed(1)}</td><td>${lesion.predictionMl.toFixed(1)}</td>` +
        `<td>${lesion.dice.toFixed(3)}</td><td>${liver.dice.toFixed(3)}</td></tr>`,
    )
    .join('');
}

/** The demo's page: one file, no scripts, nothing loaded from elsewhere. */
export function renderDemoPage({
  result,
  comparisons,
  lesions,
  warnings,
  curveSvg,
}: DemoPageContent): string {
  const { patients, unseen, summary } = result;
  const worst = Math.min(...unseen.map(({ lesion }) => lesion.dice));
  const total = patients.training + patients.validation + patients.unseen;
  const sum = (of: 'predictionMl' | 'referenceMl') =>
    unseen.reduce((millilitres, { lesion }) => millilitres + lesion[of], 0);
  const figures = comparisons
    .map(
      (comparison) => `<figure>
<img src="data:image/png;base64,${comparison.png.toString('base64')}" width="${comparison.width}" height="${comparison.height}" alt="Slice ${comparison.slice + 1}: CT with outlines, predicted mask, true mask">
<figcaption><span>Slice ${comparison.slice + 1}</span><span>Lesion mask, predicted</span><span>Lesion mask, true</span></figcaption></figure>`,
    )
    .join('\n');
  const cautions = warnings.map((warning) => `<li>${escapeHtml(warning.message)}</li>`).join('');
  const stages = Object.entries(result.seconds)
    .map(([stage, value]) => `<tr><td>${escapeHtml(stage)}</td><td>${value.toFixed(1)} s</td></tr>`)
    .join('');
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Glisson demo: phantom patients in, lesion masks out</title>
<style>
:root{color-scheme:dark;--ground:#0d1116;--panel:#151b22;--line:#26303a;--text:#e4eaf0;--soft:#93a1b0;--liver:#60c8ff;--lesion:#ff5050;--truth:#ffd60a}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--text);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1200px;margin:0 auto;padding:32px 24px 64px}
h1{font-size:28px;line-height:1.25;margin:0 0 8px;text-wrap:balance}
h2{font-size:18px;margin:40px 0 12px}
p{max-width:75ch;margin:0 0 12px;color:var(--soft)}
.notice{border-left:3px solid var(--truth);padding:8px 14px;background:var(--panel);color:var(--text)}
.statistics{display:grid;grid-template-columns:repeat(auto-fit,minmax(170px,1fr));gap:12px;margin:24px 0}
.statistic{background:var(--panel);border:1px solid var(--line);border-radius:8px;padding:14px 16px}
.statistic b{display:block;font-size:28px;font-variant-numeric:tabular-nums}
.statistic span{color:var(--soft);font-size:14px}
.legend{display:flex;gap:20px;flex-wrap:wrap;margin:0 0 12px;color:var(--soft)}
.legend i{display:inline-block;width:18px;height:3px;margin-right:8px;vertical-align:middle}
figure{margin:0 0 20px;background:#000;border:1px solid var(--line);border-radius:8px;overflow:hidden}
figure img{display:block;width:100%;height:auto;image-rendering:pixelated}
figcaption{display:grid;grid-template-columns:repeat(3,1fr);padding:8px 12px;background:var(--panel);color:var(--soft);font-size:14px}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;min-width:420px}
th,td{text-align:right;padding:7px 16px 7px 0;border-bottom:1px solid var(--line)}
th{color:var(--soft);font-weight:500}
th:first-child,td:first-child{text-align:left}
.curve{background:#fff;border-radius:8px;padding:8px;max-width:860px}
.curve svg{display:block;width:100%;height:auto}
a{color:var(--liver)}
code{background:var(--panel);padding:1px 6px;border-radius:4px}
</style></head><body><main>
<h1>Phantom patients in, lesion masks out</h1>
<p>Glisson made ${total} synthetic patients as DICOM series (seed ${result.seed}), trained a small U-Net on ${patients.training} of them, chose the best checkpoint on ${patients.validation} others, and segmented the ${patients.unseen} that it had not seen. This page shows that the pipe works, and says nothing about real patients.</p>
<p class="notice">Research use only. Not a medical device.</p>
<div class="statistics">
${statistic(summary.lesion.meanDice.toFixed(3), `lesion Dice, mean of ${patients.unseen} unseen patients`)}
${statistic(worst.toFixed(3), 'lesion Dice, lowest of them')}
${statistic(summary.liver.meanDice.toFixed(3), 'liver Dice, mean')}
${statistic(`${sum('predictionMl').toFixed(0)} ml`, `lesions found; truth ${sum('referenceMl').toFixed(0)} ml`)}
</div>
<h2>The unseen patients</h2>
<div class="scroll"><table><thead><tr><th>Patient</th><th>Contrast phase</th><th>Lesions</th><th>Found</th><th>Truth, ml</th><th>Found, ml</th><th>Lesion Dice</th><th>Liver Dice</th></tr></thead><tbody>${patientRows(unseen, result.shown)}</tbody></table></div>
<h2>Slices of ${escapeHtml(result.shown)}</h2>
<div class="legend"><span><i style="background:var(--liver)"></i>liver, predicted</span><span><i style="background:var(--lesion)"></i>lesion, predicted</span><span><i style="background:var(--truth)"></i>lesion, true</span></div>
${figures}
<p>All slices, to scroll through: <a href="segmentation/report.html">segmentation/report.html</a>. The masks as files: <a href="segmentation/masks/">segmentation/masks/</a>, one black-and-white PNG a slice.</p>
<h2>Lesions found in ${escapeHtml(result.shown)}</h2>
<div class="scroll"><table><thead><tr><th>Lesion</th><th>Volume, ml</th><th>Longest diameter, mm</th><th>HU, mean ± sd</th><th>Slices</th><th>Confidence</th></tr></thead><tbody>${lesionRows(lesions)}</tbody></table></div>
${cautions === '' ? '' : `<h2>Warnings</h2><ul>${cautions}</ul>`}
<h2>How the training went</h2>
<div class="curve">${curveSvg.replace(/<\?xml[^>]*\?>/, '')}</div>
<h2>Where the time went</h2>
<div class="scroll"><table><tbody>${stages}</tbody></table></div>
<p>Next: <code>npx glisson inspect PATH</code> on a scan of your own, or <code>npx glisson train --help</code>.</p>
</main></body></html>
`;
}
