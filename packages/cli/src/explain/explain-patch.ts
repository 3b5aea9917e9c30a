import { UsageError } from '../terminal/error-report.ts';
import type { VerbContext, VerbResult } from '../verb.ts';
import type { ExplainOptions } from './explain-options.ts';
import { readExplained } from './read-explained.ts';

/** `glisson explain patch`. */
export async function patch(
  modelPath: string,
  scanPath: string,
  { at, method = 'occlusion', cover, out, force = false, labels: labelsPath }: ExplainOptions,
  { control, note, threads }: VerbContext,
): Promise<VerbResult> {
  if (at === undefined) throw new UsageError('explain patch needs --at x,y,slice: the pixel in the middle.');
  if (out === undefined) throw new UsageError('explain patch needs --out, a .png.');
  const { assertMayWriteFile, writeFileWhole } = await import('@glisson/imaging/files/whole-files');
  const { explainPatch, patchFacts } = await import('@glisson/pipeline/explain/explain-patch');
  const { loadPatchModel } = await import('@glisson/pipeline/explain/model-scan');
  const { drawPatch } = await import('@glisson/pipeline/explain/patch-picture');
  assertMayWriteFile(out, force);
  const model = await loadPatchModel(modelPath);
  const { volume, labels } = await readExplained(scanPath, labelsPath, control);
  const [x, y, slice] = at;
  const explained = await explainPatch(
    volume,
    model,
    { at: [x, y], slice, method, ...(cover !== undefined && { cover }), threads },
    labels,
    control,
  );
  await writeFileWhole(out, await drawPatch(explained));
  note(`Wrote ${out}`);
  const { probability, threshold, range } = explained;
  const says = probability >= threshold ? 'lesion' : 'no lesion';
  const more =
    method === 'occlusion'
      ? `Covering parts of the patch lowers it by up to ${Math.max(0, range.highest).toFixed(3)} and raises it by up to ${Math.max(0, -range.lowest).toFixed(3)}.`
      : range.highest > 0
        ? 'The map shows where its last maps speak for lesion.'
        : 'Nothing in its last maps speaks for lesion.';
  return {
    json: { out, ...patchFacts(explained) },
    text: `Probability of lesion ${probability.toFixed(3)} (${says} at the threshold ${Number(threshold.toFixed(3))}). ${more} Picture: ${out}`,
  };
}
