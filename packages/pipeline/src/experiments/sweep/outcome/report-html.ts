import { escapeHtml } from '../../../html/escape.ts';
import type { Column } from './columns.ts';
import { type Baseline, objectiveNames, type RankedTrial } from './ranking.ts';
import { shortOfBaselines } from './short-of-baselines.ts';
import type { SweepResult } from './sweep-result.ts';

export interface ReportContent {
  readonly result: SweepResult;
  readonly columns: readonly Column[];
  readonly parallelSvg: string;
  readonly scatterSvg: string;
  /** How the sweep was told to go, a line each. */
  readonly setting: readonly (readonly [string, string])[];
  readonly notes: readonly string[];
}

/** Three decimals, or a dash. */
export function shownDice(value: number | null): string {
  return value === null ? '–' : value.toFixed(3);
}

/** The page of a sweep: one file, no scripts, nothing loaded from elsewhere. */
export function renderSweepReport(content: ReportContent): string {
  const { result, columns, notes } = content;
  const { trials, winner, test, chosenOn, importance } = result;
  const counts = (state: string) => trials.filter((trial) => trial.state === state).length;
  const best = trials.find((trial) => trial.trial === winner);
  const name = objectiveNames[result.objective];
  const tiles = [
    tile(String(trials.length), 'trials'),
    tile(String(counts('stopped early')), 'of them stopped early'),
    tile(String(counts('failed')), 'failed'),
    ...(best ? [tile(shownDice(best.objective), `${name} of the winner on validation`)] : []),
    ...(test ? [tile(shownDice(test.lesionDice), 'lesion Dice of the winner on test')] : []),
  ];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(result.sweep)}: a sweep of ${trials.length} trials</title>
<style>
:root{--ground:#f6f7f9;--panel:#fff;--line:#dfe4ea;--text:#1f2933;--soft:#5f6b78;--mark:#d6472b}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--text);font:15px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1280px;margin:0 auto;padding:32px 24px 64px}
h1{font-size:26px;line-height:1.25;margin:0 0 8px}
h2{font-size:18px;margin:40px 0 10px}
p,li{max-width:80ch;color:var(--soft);margin:0 0 10px}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(170px,1fr));gap:12px;margin:22px 0}
.tile{background:var(--panel);border:1px solid var(--line);border-radius:8px;padding:12px 16px}
.tile b{display:block;font-size:26px;font-variant-numeric:tabular-nums}
.tile span{color:var(--soft);font-size:13px}
.scroll{overflow-x:auto;background:var(--panel);border:1px solid var(--line);border-radius:8px;padding:6px 14px}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;width:100%}
th,td{text-align:left;padding:6px 14px 6px 0;border-bottom:1px solid var(--line);white-space:nowrap}
tr:last-child td{border-bottom:0}
th{color:var(--soft);font-weight:500}
td.n,th.n{text-align:right}
tr.winner td{font-weight:600}
tr.winner td:first-child{color:var(--mark)}
tr.base td{color:var(--soft);font-style:italic}
.bar{display:inline-block;height:10px;background:#31688e;border-radius:2px;vertical-align:middle;margin-right:8px}
.plot{overflow-x:auto;background:#fff;border:1px solid var(--line);border-radius:8px;padding:8px;margin:0 0 14px}
.plot svg{display:block;max-width:none}
td.error{white-space:normal;max-width:70ch}
code{background:#e9edf1;padding:1px 5px;border-radius:4px}
</style></head><body><main>
<h1>${escapeHtml(result.sweep)}</h1>
<p>Ranked by ${name} on the validation patients only (${escapeHtml(chosenOn.join(', '))}). They chose checkpoints, thresholds, what was stopped early, and the winner: the best of many looks better there than it is. ${test ? `The test patients (${escapeHtml(test.patients.join(', '))}) were shown to the winner alone, once, at the end.` : 'No test patient was named, so that how good the winner is on others is not known.'}</p>
<p>Research use only. Not a medical device.</p>
<div class="tiles">${tiles.join('')}</div>
${[...notes, ...shortOfBaselines(result)].map((note) => `<p>${escapeHtml(note)}</p>`).join('')}
<h2>Ranking</h2>
<div class="scroll">${rankingTable(result, columns)}</div>
${test ? testSection(result) : ''}
<h2>What mattered</h2>
${importance === null ? '<p>Too few trials, or trials too alike, to say.</p>' : importanceSection(importance, columns)}
${trials.some(({ objective }) => objective !== null) ? `<h2>Plots</h2><div class="plot">${content.parallelSvg}</div><div class="plot">${content.scatterSvg}</div>` : ''}
<h2>How it was done</h2>
<div class="scroll"><table><tbody>${content.setting.map(([key, value]) => `<tr><th>${escapeHtml(key)}</th><td>${escapeHtml(value)}</td></tr>`).join('')}</tbody></table></div>
${failedSection(trials)}
</main></body></html>
`;
}

function tile(value: string, name: string): string {
  return `<div class="tile"><b>${escapeHtml(value)}</b><span>${escapeHtml(name)}</span></div>`;
}

function rankingTable({ trials, baselines, winner }: SweepResult, columns: readonly Column[]): string {
  const varied = columns.filter(({ field }) => field !== 'recipe');
  const hasLiver = trials.some(({ liverDice }) => liverDice !== null);
  const head = [
    '<th class="n">#</th><th class="n">Trial</th><th>Recipe</th><th>First weights</th>',
    ...varied.map(({ field, title }) => `<th title="${escapeHtml(field)}">${escapeHtml(title)}</th>`),
    '<th class="n">Lesion Dice</th>',
    hasLiver ? '<th class="n">Liver Dice</th>' : '',
    '<th class="n">Best epoch</th><th class="n">Steps</th><th>State</th>',
  ].join('');
  const rows = trials.map((trial) => {
    const cells = [
      `<td class="n">${trial.rank ?? '–'}</td><td class="n">${trial.trial}</td><td>${escapeHtml(trial.recipe)}</td><td>${escapeHtml(trial.weights)}</td>`,
      ...varied.map(({ field }) => `<td>${escapeHtml(String(trial.settings[field] ?? '–'))}</td>`),
      `<td class="n">${shownDice(trial.lesionDice)}</td>`,
      hasLiver ? `<td class="n">${shownDice(trial.liverDice)}</td>` : '',
      `<td class="n">${trial.bestEpoch ?? '–'}</td><td class="n">${trial.steps ?? '–'}</td><td>${trial.state}</td>`,
    ];
    return `<tr${trial.trial === winner ? ' class="winner"' : ''}>${cells.join('')}</tr>`;
  });
  const span = 4 + varied.length;
  const rest = `<td colspan="${3}"></td>`;
  const bases = baselines.map(
    (base) =>
      `<tr class="base"><td colspan="${span}">baseline: ${escapeHtml(base.name)}</td><td class="n">${shownDice(base.lesionDice)}</td>${hasLiver ? `<td class="n">${shownDice(base.liverDice)}</td>` : ''}${rest}</tr>`,
  );
  return `<table><thead><tr>${head}</tr></thead><tbody>${rows.join('')}${bases.join('')}</tbody></table>`;
}

function testSection({ test, winner }: SweepResult): string {
  if (test === null) return '';
  const row = (name: string, lesion: number | null, liver: number | null, ml = '') =>
    `<tr><td>${escapeHtml(name)}</td><td class="n">${shownDice(lesion)}</td><td class="n">${shownDice(liver)}</td><td class="n">${ml}</td></tr>`;
  const rows = test.cases.map((one) =>
    row(
      `trial ${winner}, ${one.id}`,
      one.lesionDice,
      one.liverDice,
      `${one.lesionPredictionMl.toFixed(1)} of ${one.lesionReferenceMl.toFixed(1)}`,
    ),
  );
  const baseRow = ({ name, lesionDice, liverDice }: Baseline) =>
    row(`baseline: ${name}`, lesionDice, liverDice);
  const earlier =
    test.earlier.length === 0
      ? ''
      : `<p>These patients have been looked at before: earlier winners were ${test.earlier.map(({ trial, lesionDice }) => `trial ${trial} (${shownDice(lesionDice)})`).join(', ')}.</p>`;
  return `<h2>The winner on the test patients</h2>
<p>Whole scans, as <code>glisson segment</code> labels them.${test.isLiverGiven ? ' The model was told where the liver is, from the reference.' : ''}</p>${earlier}
<div class="scroll"><table><thead><tr><th>Case</th><th class="n">Lesion Dice</th><th class="n">Liver Dice</th><th class="n">Lesions, ml found of true</th></tr></thead><tbody>${rows.join('')}${test.baselines.map(baseRow).join('')}</tbody></table></div>`;
}

function importanceSection(
  { fields, explained, trials, method }: NonNullable<SweepResult['importance']>,
  columns: readonly Column[],
): string {
  const titles = new Map(columns.map(({ field, title }) => [field, title]));
  const rows = fields.map(
    ({ field, share }) =>
      `<tr><td title="${escapeHtml(field)}">${escapeHtml(titles.get(field) ?? field)}</td><td><span class="bar" style="width:${(share * 260).toFixed(0)}px"></span>${(share * 100).toFixed(0)} %</td></tr>`,
  );
  const trust =
    explained <= 0.1
      ? 'That is next to nothing: these shares are noise.'
      : explained < 0.4
        ? 'That is little: read the shares as hints.'
        : 'What it cannot predict is chance, or interactions that so few trials do not show.';
  return `<p>${method[0]!.toUpperCase()}${method.slice(1)}, over ${trials} trials: how much worse the forest predicts trials that it was not shown when one field is shuffled among them. The forest explains ${(Math.max(0, explained) * 100).toFixed(0)} % of the differences between such trials. ${trust}</p>
<div class="scroll"><table><tbody>${rows.join('')}</tbody></table></div>`;
}

function failedSection(trials: readonly RankedTrial[]): string {
  const failed = trials.filter(({ error }) => error !== undefined);
  if (failed.length === 0) return '';
  const rows = failed.map(
    ({ trial, error }) =>
      `<tr><td class="n">${trial}</td><td>${escapeHtml(error!.code)}</td><td class="error">${escapeHtml(error!.message)}</td></tr>`,
  );
  return `<h2>Failed trials</h2><div class="scroll"><table><thead><tr><th class="n">Trial</th><th>Error</th><th>What it said</th></tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
}
