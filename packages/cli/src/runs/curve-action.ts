import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { findRun } from '@glisson/pipeline/experiments/store/find-run';
import type { VerbContext, VerbResult } from '../verb.ts';
import { withStore } from './with-store.ts';

export interface CurveOptions {
  readonly runs?: string;
  readonly html?: string;
  readonly svg?: string;
  readonly force?: boolean;
}

const chart = { widest: 110, rows: 8 };

/** `runs curve RUN...`: the courses of runs as text, as a page or as a picture, and what each tells of overfitting. */
export async function curveAction(
  names: readonly string[],
  { runs, html, svg, force = false }: CurveOptions,
  context: VerbContext,
): Promise<VerbResult> {
  const { json } = context;
  const { assertMayWriteFile, writeFileWhole } = await import('@glisson/imaging/files/whole-files');
  const { readCurves } = await import('@glisson/pipeline/experiments/curves/read-curve');
  const { judgeCurve } = await import('@glisson/pipeline/experiments/curves/judge-curve');
  const { bestEpochOf } = await import('@glisson/pipeline/experiments/curves/run-curve');
  const { summaryOf, textCurves } = await import('@glisson/pipeline/experiments/curves/text-curves');
  for (const file of [html, svg]) if (file !== undefined) assertMayWriteFile(file, force);
  const folders = await foldersOf(names, runs, context);
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

/** Folders that are there need no store: they may lie anywhere. */
async function foldersOf(
  names: readonly string[],
  runs: string | undefined,
  context: VerbContext,
): Promise<readonly string[]> {
  if (names.every((name) => existsSync(join(name, 'plan.json')))) return names;
  return withStore(runs, context, async (store) => {
    const folders: string[] = [];
    for (const name of names) folders.push((await findRun(store, name)).folder);
    return folders;
  });
}
