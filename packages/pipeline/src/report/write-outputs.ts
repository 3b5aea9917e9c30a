import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFolderWhole } from '@glisson/imaging/files/whole-files';
import type { TaskControl } from '@glisson/imaging/progress/progress';
import { writeLabelmapFile } from '@glisson/imaging/scan/write-volume';
import type { Scan } from '@glisson/imaging/volume/scan';
import type { LoadedModel } from '../predict/loaded-model.ts';
import type { Segmentation } from '../predict/segmentation.ts';
import { lesionsCsv, lesionsJson } from './lesion-table.ts';
import { drawOverview } from './overview.ts';
import { describeProvenance } from './provenance.ts';
import { reportHtml } from './report-html.ts';
import { assertMayReplaceResult } from './result-folder.ts';
import { writeMasks } from './write-masks.ts';

export interface WriteOptions {
  readonly model: LoadedModel;
  /** Name of the scan in titles; default: the last part of its path. */
  readonly title?: string;
  /** Replace the result that is in the folder; anything else is never removed. */
  readonly force?: boolean;
  /** More versions for the provenance, e.g. the engine's. */
  readonly versions?: Readonly<Record<string, string>>;
}

/**
 * Writes everything that `glisson segment` promises into a folder that appears whole or not at all: masks/,
 * masks-liver/, labels.nii.gz, lesions.json, lesions.csv, overview.png, report.html, provenance.json.
 * All files but provenance.json are the same bytes for the same scan and model.
 * @throws ImagingError `already-exists`, `not-writable`; PipelineError `result-invalid` with force on a
 * folder that is no result; the signal's reason when cancelled, with nothing left
 */
export async function writeSegmentation(
  folder: string,
  scan: Scan,
  segmentation: Segmentation,
  options: WriteOptions,
  control: TaskControl = {},
): Promise<void> {
  if (options.force) await assertMayReplaceResult(folder);
  const provenance = describeProvenance(scan, segmentation, options.model, options.versions ?? {});
  const title = options.title ?? scan.path.split(/[\\/]/).findLast((part) => part !== '') ?? 'scan';
  await writeFolderWhole(folder, options.force ?? false, async (partial) => {
    const seconds: Record<string, number> = { ...segmentation.seconds };
    const timed = async (name: string, work: () => Promise<unknown>) => {
      control.signal?.throwIfAborted();
      const start = performance.now();
      await work();
      seconds[name] = (performance.now() - start) / 1000;
    };
    const write = (name: string, content: string | Uint8Array) => writeFile(join(partial, name), content);

    await write('lesions.json', lesionsJson(segmentation, segmentation.warnings));
    await write('lesions.csv', lesionsCsv(segmentation));
    await timed('labels', () =>
      writeLabelmapFile(join(partial, 'labels.nii.gz'), segmentation.labelmap, { signal: control.signal }),
    );
    await timed('masks', () => writeMasks(partial, scan, segmentation.labelmap, control));
    await timed('overview', async () =>
      write('overview.png', await drawOverview(scan.volume, segmentation, title)),
    );
    await timed('report', async () =>
      write('report.html', await reportHtml(scan, segmentation, provenance, title, control)),
    );
    const rounded = Object.entries(seconds).map(([name, value]) => [name, Number(value.toFixed(3))]);
    await write(
      'provenance.json',
      `${JSON.stringify({ ...provenance, seconds: Object.fromEntries(rounded) }, null, 1)}\n`,
    );
    control.signal?.throwIfAborted();
  });
}
