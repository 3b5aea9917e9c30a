import { UsageError } from '../terminal/error-report.ts';
import type { VerbContext, VerbResult } from '../verb.ts';
import type { ExplainOptions } from './explain-options.ts';
import { readExplained } from './read-explained.ts';

/** `glisson explain dense`. */
export async function dense(
  modelPath: string,
  scanPath: string,
  { slices, slice, stride, threshold, labels: labelsPath }: ExplainOptions,
  { control, threads }: VerbContext,
): Promise<VerbResult> {
  const wanted = slices ?? (slice === undefined ? undefined : [slice]);
  if (wanted === undefined) throw new UsageError('explain dense needs --slices, 10,20,30 for example.');
  const { compareDense } = await import('@glisson/pipeline/explain/compare-dense');
  const { denseText } = await import('@glisson/pipeline/explain/dense-text');
  const { loadPatchModel } = await import('@glisson/pipeline/explain/model-scan');
  const { renderTable } = await import('../terminal/table.ts');
  const model = await loadPatchModel(modelPath);
  const { volume, labels } = await readExplained(scanPath, labelsPath, control);
  const comparison = await compareDense(
    volume,
    model,
    labels,
    {
      slices: wanted,
      ...(stride !== undefined && { stride }),
      ...(threshold !== undefined && { threshold }),
      threads,
    },
    control,
  );
  const { header, rows, sentences } = denseText(comparison);
  return { json: comparison, text: [renderTable(header, rows), '', ...sentences].join('\n') };
}
