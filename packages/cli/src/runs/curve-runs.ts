import { Option } from 'commander';
import type { VerbContext, VerbResult } from '../verb.ts';

export interface CurveOptions {
  readonly html?: string;
  readonly svg?: string;
  readonly force?: boolean;
}

export const curveOptions: readonly Option[] = [
  new Option('--html <file>', 'write a page with values under the pointer; runs can be hidden'),
  new Option('--svg <file>', 'write a picture'),
  new Option('--force', 'replace the files that are there'),
];

export const curveExamples = [
  { command: 'glisson runs curve runs/first', meaning: 'loss and Dice of a run, in the terminal' },
  {
    command: 'glisson runs curve runs/first runs/second --html curves.html',
    meaning: 'two runs over each other, as a page',
  },
] as const;

const chart = { widest: 110, rows: 8 };

/**
 * Shows the courses of runs: as text, as a page or as a picture; says what each tells of overfitting.
 * @param folders of runs, one at least
 */
export async function curveRuns(
  folders: readonly string[],
  { html, svg, force = false }: CurveOptions,
  { json }: VerbContext,
): Promise<VerbResult> {
  const { assertMayWriteFile, writeFileWhole } = await import('@glisson/imaging/files/whole-files');
  const { readCurves } = await import('@glisson/pipeline/experiments/curves/read-curve');
  const { judgeCurve } = await import('@glisson/pipeline/experiments/curves/judge-curve');
  const { bestEpochOf } = await import('@glisson/pipeline/experiments/curves/run-curve');
  const { summaryOf, textCurves } = await import('@glisson/pipeline/experiments/curves/text-curves');
  for (const file of [html, svg]) if (file !== undefined) assertMayWriteFile(file, force);
  const curves = await readCurves(folders);
  if (html !== undefined) {
    const { curvesPage } = await import('@glisson/pipeline/experiments/curves/curves-page');
    await writeFileWhole(html, curvesPage(curves));
  }
  if (svg !== undefined) {
    const { drawCurves } = await import('@glisson/pipeline/experiments/curves/curves-svg');
    await writeFileWhole(svg, drawCurves(curves).svg);
  }
  const document = curves.map((curve, n) => {
    const { steps: _, ...rest } = curve;
    return {
      folder: folders[n]!,
      ...rest,
      bestEpoch: bestEpochOf(curve)?.epoch ?? null,
      verdict: judgeCurve(curve),
    };
  });
  if (json) return { json: { curves: document, html: html ?? null, svg: svg ?? null }, text: '' };

  const isTerminal = process.stdout.isTTY === true;
  const width = Math.min(chart.widest, isTerminal ? (process.stdout.columns ?? 80) : chart.widest);
  const colour = isTerminal && !process.env.NO_COLOR;
  const texts = curves.map((curve) => {
    const lines = textCurves(curve, { width, height: chart.rows, colour });
    const said = lines.length > 0 ? lines : [summaryOf(curve) || judgeCurve(curve).text];
    return [`${curve.name}`, ...said].join('\n');
  });
  const written = [html, svg].filter((file) => file !== undefined).map((file) => `Written to ${file}.`);
  return { json: document, text: [...texts, ...written].join('\n\n') };
}
