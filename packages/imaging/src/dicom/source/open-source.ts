import { statSync } from 'node:fs';
import { basename } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { ImagingError } from '../../errors/imaging-error.ts';
import type { EntrySource, SkippedEntry, SourceEntry } from './entries.ts';
import { fileEntry, openFolder, ReadBuffer, readFailure } from './folder-source.ts';
import { newZipBudget, openZip, type ZipBudget, zipLimits } from './zip-source.ts';

const mostGunzippedBytes = 2 ** 30;

/**
 * Opens a folder (all files under it), a file, or a zip. Zips inside are entered one level deep, under the
 * same limits as the outer one. Where images of 3D-IRCADb's patient lie beside its masks (`PATIENT_DICOM`
 * beside `MASKS_DICOM`, `LABELLED_DICOM`), the masks are set aside: they are labels, not another scan.
 * The caller closes the source.
 * @param within only what lies below this folder of the source (forward slashes, as entries are named)
 * @throws ImagingError `not-found`, `not-readable`, `unsafe-archive`, `damaged`
 */
export async function openSource(path: string, within?: string): Promise<EntrySource> {
  const source = await openWhole(path);
  if (within === undefined) return source;
  const isWithin = (name: string) => name.startsWith(`${within}/`);
  return {
    entries: source.entries.filter(({ name }) => isWithin(name)),
    skipped: source.skipped.filter(({ file }) => isWithin(file)),
    close: source.close,
  };
}

async function openWhole(path: string): Promise<EntrySource> {
  let stats: ReturnType<typeof statSync>;
  try {
    stats = statSync(path);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new ImagingError(missing ? 'not-found' : 'not-readable', 'There is nothing to read here.', {
      where: path,
      found: missing ? 'no such file or folder' : readFailure(error),
      cause: error,
    });
  }
  const budget = newZipBudget();
  try {
    if (stats!.isDirectory()) return await enterArchives(openFolder(path), budget, path);
    if (!stats!.isFile()) throw new Error('neither a file nor a folder');
    const entry = fileEntry(path, basename(path), stats!.size, new ReadBuffer());
    const head = await entry.readHead(4);
    if (isZip(head)) {
      const zip = await openZip(path, basename(path), budget);
      return await enterArchives(zip, budget, path);
    }
    return { entries: [isGzip(head) ? gunzipped(entry) : entry], skipped: [], close: () => {} };
  } catch (error) {
    if (error instanceof ImagingError) throw error;
    throw new ImagingError('not-readable', 'This cannot be read.', {
      where: path,
      found: readFailure(error),
      cause: error,
    });
  }
}

async function enterArchives(outer: EntrySource, budget: ZipBudget, path: string): Promise<EntrySource> {
  const opened: EntrySource[] = [outer];
  const close = () => {
    for (const source of opened) source.close();
  };
  const skipped: SkippedEntry[] = [...outer.skipped];
  const patientFolders = new Set<string>();
  const entries: SourceEntry[] = [];
  try {
    for (const { name } of outer.entries) {
      const patient = /^(.*?)PATIENT_DICOM(?:\.zip)?(?:\/|$)/i.exec(name);
      if (patient !== null) patientFolders.add(patient[1]!);
    }
    for (const entry of outer.entries) {
      const masks = /^(.*?)(?:MASKS|LABELLED)_DICOM(?:\.zip)?(?:\/|$)/i.exec(entry.name);
      if (masks !== null && patientFolders.has(masks[1]!)) {
        skipped.push({
          file: entry.name,
          reason: '3D-IRCADb label image beside PATIENT_DICOM: not part of the scan',
        });
        continue;
      }
      if (!/\.zip$/i.test(entry.name)) {
        entries.push(/\.(?:dcm|ima|dicom)\.gz$/i.test(entry.name) ? gunzipped(entry) : entry);
        continue;
      }
      if (!isZip(await entry.readHead(4))) {
        skipped.push({ file: entry.name, reason: 'named .zip, but no zip archive' });
        continue;
      }
      if (entry.size > zipLimits.nestedBytes) {
        skipped.push({
          file: entry.name,
          reason: 'a zip too large to be read inside another: unpack it first',
        });
        continue;
      }
      const inner = await openZip(Buffer.from(await entry.readAll()), `${path}: ${entry.name}`, budget);
      opened.push(inner);
      skipped.push(...inner.skipped.map((s) => ({ ...s, file: `${entry.name}/${s.file}` })));
      for (const one of inner.entries) {
        if (/\.zip$/i.test(one.name)) {
          skipped.push({
            file: `${entry.name}/${one.name}`,
            reason: 'a zip in a zip in a source: unpack it first',
          });
        } else {
          entries.push({ ...one, name: `${entry.name}/${one.name}` });
        }
      }
    }
  } catch (error) {
    close();
    throw error;
  }
  return { entries, skipped, close };
}

function isZip(head: Uint8Array): boolean {
  return head[0] === 0x50 && head[1] === 0x4b && (head[2] === 3 || head[2] === 5) && head[3] === head[2]! + 1;
}

function isGzip(head: Uint8Array): boolean {
  return head[0] === 0x1f && head[1] === 0x8b;
}

/** A gzipped file as what it holds. Inflated again for each read: such files are rare and single. */
function gunzipped(entry: SourceEntry): SourceEntry {
  const inflate = async (): Promise<Uint8Array> => {
    const packed = await entry.readAll();
    try {
      const bytes = gunzipSync(packed, { maxOutputLength: mostGunzippedBytes });
      return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    } catch (error) {
      throw new ImagingError('damaged', 'The gzip file cannot be inflated.', {
        where: entry.name,
        found: (error as Error).message,
        cause: error,
      });
    }
  };
  return {
    name: entry.name,
    size: Number.POSITIVE_INFINITY,
    isSeekable: false,
    readHead: async (length) => (await inflate()).subarray(0, length),
    readAll: inflate,
    readRange: async (start, end) => (await inflate()).subarray(start, end),
  };
}
