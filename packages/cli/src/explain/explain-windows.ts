import { UsageError } from '../terminal/error-report.ts';
import type { VerbContext, VerbResult } from '../verb.ts';
import type { ExplainOptions } from './explain-options.ts';
import { readExplained } from './read-explained.ts';

/** `glisson explain windows`. */
export async function windows(
  path: string,
  options: ExplainOptions,
  context: VerbContext,
): Promise<VerbResult> {
  const { control, note } = context;
  const { out, force, slice } = options;
  const [rows, columns] = options.blocks;
  if (out === undefined) throw new UsageError('explain windows needs --out, a .png or a folder.');
  const { assertMayWriteFile, assertMayWriteFolder, writeFileWhole, writeFolderWhole } = await import(
    '@glisson/imaging/files/whole-files'
  );
  const { windowsFacts, windowsFiles, writeWindowsFolder } = await import(
    '@glisson/pipeline/explain/write-windows'
  );
  const isFile = out.toLowerCase().endsWith('.png');
  const mayReplace = force === true && windowsFiles;
  if (isFile) assertMayWriteFile(out, force === true);
  else await assertMayWriteFolder(out, mayReplace);
  const { explainWindows } = await import('@glisson/pipeline/explain/explain-windows');
  const { drawWindows } = await import('@glisson/pipeline/explain/windows-picture');
  const { judgeSlice } = await import('@glisson/pipeline/explain/judge-slice');
  const { loadPatchModel } = await import('@glisson/pipeline/explain/model-scan');
  const model = options.model === undefined ? undefined : await loadPatchModel(options.model);
  const patch = options.patch ?? model?.plan.training.patchSize ?? 257;
  const stride = options.stride ?? model?.plan.inference.outputStride ?? 8;
  const [low, high] = model?.plan.preprocess.windowHU ?? [-160, 240];
  const windowHU = options.window ?? { low, high };
  const { volume, labels } = await readExplained(path, options.labels, control);
  const explained = explainWindows(volume, labels, {
    rows,
    columns,
    patch,
    stride,
    windowHU,
    paddingHU: windowHU.low,
    ...(slice !== undefined && { slice }),
  });
  const judgement =
    model &&
    (await judgeSlice(volume, explained.slice, model, labels, { threads: context.threads }, control));
  const picture = await drawWindows(explained, `Windows of ${patch} x ${patch} on a slice`, judgement);
  if (isFile) await writeFileWhole(out, picture);
  else await writeFolderWhole(out, mayReplace, (folder) => writeWindowsFolder(folder, explained, picture));
  note(`Wrote ${out}`);
  const facts = windowsFacts(explained);
  const { body, lesion } = facts.windows;
  const lesions = lesion === null ? '' : `, ${lesion} of them on lesion`;
  return {
    json: { out, ...facts },
    text: `Slice ${facts.slice}: ${facts.windows.columns} x ${facts.windows.rows} windows at stride ${stride}, ${body} in the body${lesions}. Picture: ${out}`,
  };
}
