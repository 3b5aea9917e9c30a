/** Styles of the page; light and dark follow the reader's system. */
export const styles = `
:root { color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --ink: #17202b; --soft: #5b6774; --line: #dde2e8; --accent: #0a6ebd;
  --count: #7d8da0; --band: #0a6ebd1f; --x: #c7362f; --y: #1e8a4c; --z: #0a6ebd;
  --error: #b3261e; --error-back: #fdecea; --warning: #8a5a00; --warning-back: #fff4dc; --info: #35506b; --info-back: #eaf1f8; }
@media (prefers-color-scheme: dark) { :root {
  --page: #0f1419; --card: #182029; --ink: #e6ebf0; --soft: #9aa7b4; --line: #2b3641; --accent: #6cb8f5;
  --count: #8294a7; --band: #6cb8f526; --x: #ff7a70; --y: #5fd08f; --z: #6cb8f5;
  --error: #ffb4ab; --error-back: #43201d; --warning: #ffd48a; --warning-back: #3d3015; --info: #b9d3ec; --info-back: #1d2c3a; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
main, header, footer { max-width: 1080px; margin: 0 auto; padding: 0 20px; }
header { padding-top: 32px; }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 20px; margin: 0 0 2px; overflow-wrap: anywhere; }
h3 { font-size: 14px; margin: 24px 0 8px; letter-spacing: .02em; color: var(--soft); }
p { margin: 6px 0; max-width: 72ch; }
.soft { color: var(--soft); }
.summary { display: flex; flex-wrap: wrap; gap: 8px; margin: 16px 0 24px; padding: 0; list-style: none; }
.summary li { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 6px 14px; }
.summary b { font-size: 18px; margin-right: 6px; font-variant-numeric: tabular-nums; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 22px 24px; margin: 0 0 20px; }
.tag { display: inline-block; font-size: 12px; font-weight: 600; border: 1px solid var(--line); border-radius: 99px; padding: 1px 9px; margin-right: 6px; color: var(--soft); }
.columns { display: grid; grid-template-columns: minmax(0, 1fr) 210px; gap: 24px; align-items: start; }
@media (max-width: 700px) { .columns { grid-template-columns: minmax(0, 1fr); } section { padding: 16px; } }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 4px 18px; margin: 8px 0; }
dt { color: var(--soft); } dd { margin: 0; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 5px 18px 5px 0; border-bottom: 1px solid var(--line); }
th { font-weight: 600; font-size: 14px; color: var(--soft); } td.number, th.number { text-align: right; }
.scroll { overflow-x: auto; }
.sheet { display: grid; grid-template-columns: repeat(auto-fill, minmax(186px, 1fr)); gap: 10px; margin: 8px 0; padding: 0; list-style: none; }
.sheet figure { margin: 0; background: #000; border-radius: 6px; overflow: hidden; }
.sheet img { display: block; width: 100%; height: auto; aspect-ratio: 1; object-fit: contain; background: #000; }
.sheet figcaption { color: #c9d1d9; font-size: 12px; padding: 3px 8px 5px; }
.key { display: inline-block; width: 12px; height: 12px; border-radius: 3px; margin: 0 5px 0 12px; vertical-align: -1px; }
.finding { border-left: 4px solid currentColor; border-radius: 6px; padding: 8px 14px; margin: 8px 0; }
.finding p { margin: 2px 0; color: var(--ink); } .finding b { color: inherit; }
.finding-error { color: var(--error); background: var(--error-back); }
.finding-warning { color: var(--warning); background: var(--warning-back); }
.finding-info { color: var(--info); background: var(--info-back); }
.axes { width: 210px; max-width: 100%; } .axes text { font: 600 11px system-ui, sans-serif; }
.patient-axis { stroke: var(--line); stroke-width: 1.5; } .patient-side { fill: var(--soft); text-anchor: middle; }
.grid-axis { stroke-width: 2.5; } .grid-axis-0 { stroke: var(--x); } .grid-axis-1 { stroke: var(--y); } .grid-axis-2 { stroke: var(--z); }
.arrow-0, .axes .grid-name-0 { fill: var(--x); } .arrow-1, .axes .grid-name-1 { fill: var(--y); } .arrow-2, .axes .grid-name-2 { fill: var(--z); }
.histogram { width: 100%; } .histogram text { font: 12px system-ui, sans-serif; fill: var(--soft); }
.counts { fill: var(--count); } .tissue { fill: var(--band); } .tick { stroke: var(--soft); stroke-width: 1; }
.tick-name, .tissue-name { text-anchor: middle; } .axis-name { text-anchor: end; } .histogram .tissue-name { fill: var(--accent); font-weight: 600; }
details summary { cursor: pointer; color: var(--soft); } code { font-size: 13px; overflow-wrap: anywhere; }
footer { color: var(--soft); font-size: 14px; padding-bottom: 40px; }
@media print { body { background: #fff; } section { break-inside: avoid; } }
`;
