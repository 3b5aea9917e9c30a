import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { assertMayWriteFolder, writeFolderWhole } from '@glisson/imaging/files/whole-files';
import type { TaskControl } from '@glisson/imaging/progress/progress';
import type { ExportRun } from '../export-run.ts';
import { readRunSeries } from '../run-series.ts';
import { eventFile, eventFileName } from './event-file.ts';

const manifestName = 'glisson-export.json';
const schema = 'glisson.tensorboard/1';

/** What was written, and which runs have nothing that TensorBoard could show. */
export interface EventFilesWritten {
  readonly files: readonly string[];
  readonly withoutMetrics: readonly string[];
}

/**
 * Writes a folder for `tensorboard --logdir`: a folder a run, named as the run, with one event file in it. The whole appears or
 * nothing does.
 * @param force an earlier export may be replaced, and nothing else
 * @throws ImagingError `already-exists`, `not-writable`
 */
export async function writeEventFiles(
  folder: string,
  runs: readonly ExportRun[],
  force: boolean,
  { onProgress, signal }: TaskControl,
): Promise<EventFilesWritten> {
  const mayReplace = force && (await isEarlierExport(folder));
  await assertMayWriteFolder(folder, mayReplace || (force ? /^$/ : false));
  return writeFolderWhole(folder, mayReplace, async (partial) => {
    const files: string[] = [];
    const withoutMetrics: string[] = [];
    for (const [i, run] of runs.entries()) {
      signal?.throwIfAborted();
      onProgress?.({ stage: 'export', done: i, total: runs.length, unit: 'runs' });
      const points = await readRunSeries(run);
      if (points.length === 0) {
        withoutMetrics.push(run.name);
        continue;
      }
      const name = join(run.name, eventFileName(run));
      await mkdir(join(partial, run.name), { recursive: true });
      await writeFile(join(partial, name), eventFile(run, points), { flush: true });
      files.push(name);
    }
    onProgress?.({ stage: 'export', done: runs.length, total: runs.length, unit: 'runs' });
    const manifest = { schema, runs: runs.map(({ name }) => name), withoutMetrics };
    await writeFile(join(partial, manifestName), `${JSON.stringify(manifest, null, 2)}\n`, { flush: true });
    return { files, withoutMetrics };
  });
}

async function isEarlierExport(folder: string): Promise<boolean> {
  const path = join(folder, manifestName);
  if (!existsSync(path)) return false;
  try {
    return (JSON.parse(await readFile(path, 'utf8')) as { schema?: unknown }).schema === schema;
  } catch {
    return false;
  }
}
