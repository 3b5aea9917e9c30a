import type { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import yauzl from 'yauzl';
import { ImagingError } from '../../errors/imaging-error.ts';
import { cutShort, type EntrySource, type SkippedEntry, type SourceEntry } from './entries.ts';

/**
 * What an archive may hold. Limits on the declared sizes suffice: the reader stops an entry that inflates
 * to more than it declared. Small entries may be squeezed hard (an empty mask slice shrinks to a thousandth),
 * so the ratio counts only where it could hurt.
 */
export const zipLimits = {
  entries: 200_000,
  entryBytes: 4 * 2 ** 30,
  totalBytes: 64 * 2 ** 30,
  nestedBytes: 2 ** 30,
  /** Inflated : packed, for an entry of more than `ratioFromEntryBytes`. */
  entryRatio: 250,
  ratioFromEntryBytes: 64 * 2 ** 20,
  /** Inflated : packed over all entries, when together more than `ratioFromTotalBytes`. */
  totalRatio: 150,
  ratioFromTotalBytes: 2 ** 30,
} as const;

/** Counts what an archive and those inside it declare, against `zipLimits`. */
export interface ZipBudget {
  entries: number;
  bytes: number;
  packed: number;
}

export function newZipBudget(): ZipBudget {
  return { entries: 0, bytes: 0, packed: 0 };
}

/**
 * Opens an archive by its directory; entries are inflated one at a time, when read. Symbolic links in the
 * archive are never followed.
 * @param from path of the archive, or its bytes
 * @param name for messages
 * @throws ImagingError `damaged` when it is no zip, `unsafe-archive` when an entry's name leads outside the
 * archive or the limits are passed
 */
export async function openZip(from: string | Buffer, name: string, budget: ZipBudget): Promise<EntrySource> {
  let zip: yauzl.ZipFile;
  try {
    zip = await new Promise<yauzl.ZipFile>((resolve, reject) => {
      const options = { lazyEntries: true, autoClose: false, decodeStrings: false };
      const done = (error: Error | null, file: yauzl.ZipFile) => (error ? reject(error) : resolve(file));
      if (typeof from === 'string') yauzl.open(from, options, done);
      else yauzl.fromBuffer(from, options, done);
    });
  } catch (error) {
    throw damagedZip(name, error);
  }
  const entries: SourceEntry[] = [];
  const skipped: SkippedEntry[] = [];
  try {
    await new Promise<void>((resolve, reject) => {
      zip.on('error', (error: Error) => reject(damagedZip(name, error)));
      zip.on('end', () => resolve());
      zip.on('entry', (entry: yauzl.Entry) => {
        try {
          admit(zip, entry, name, budget, entries, skipped);
          zip.readEntry();
        } catch (error) {
          reject(error);
        }
      });
      zip.readEntry();
    });
  } catch (error) {
    zip.close();
    throw error;
  }
  entries.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  return { entries, skipped, close: () => zip.close() };
}

function admit(
  zip: yauzl.ZipFile,
  entry: yauzl.Entry,
  archive: string,
  budget: ZipBudget,
  entries: SourceEntry[],
  skipped: SkippedEntry[],
): void {
  const file = entryName(entry, archive);
  budget.entries++;
  budget.bytes += entry.uncompressedSize;
  budget.packed += entry.compressedSize;
  const fail = (found: string, expected: string): never => {
    throw new ImagingError('unsafe-archive', 'The archive would unpack to too much.', {
      where: `${archive}, entry ${file}`,
      found,
      expected,
      advice: 'If you trust it, unpack it yourself and read the folder.',
    });
  };
  const gigabytes = (bytes: number) => `${(bytes / 2 ** 30).toFixed(2)} GiB`;
  if (budget.entries > zipLimits.entries) fail(`${budget.entries} entries`, `at most ${zipLimits.entries}`);
  if (entry.uncompressedSize > zipLimits.entryBytes) {
    fail(gigabytes(entry.uncompressedSize), `at most ${gigabytes(zipLimits.entryBytes)} an entry`);
  }
  if (budget.bytes > zipLimits.totalBytes) {
    fail(`${gigabytes(budget.bytes)} so far`, `at most ${gigabytes(zipLimits.totalBytes)} in all`);
  }
  const ratio = entry.uncompressedSize / Math.max(1, entry.compressedSize);
  if (entry.uncompressedSize > zipLimits.ratioFromEntryBytes && ratio > zipLimits.entryRatio) {
    fail(
      `${gigabytes(entry.uncompressedSize)} packed ${Math.round(ratio)} : 1`,
      `at most ${zipLimits.entryRatio} : 1`,
    );
  }
  const totalRatio = budget.bytes / Math.max(1, budget.packed);
  if (budget.bytes > zipLimits.ratioFromTotalBytes && totalRatio > zipLimits.totalRatio) {
    fail(
      `${gigabytes(budget.bytes)} packed ${Math.round(totalRatio)} : 1`,
      `at most ${zipLimits.totalRatio} : 1`,
    );
  }
  if (file.endsWith('/')) return;
  const parts = file.split('/');
  if (parts.some((part) => part.startsWith('.') || part === '__MACOSX')) return;
  if (entry.isEncrypted()) {
    skipped.push({
      file,
      reason: 'encrypted in the zip: unpack it with its password first',
      mayBeDicom: true,
    });
    return;
  }
  if (entry.compressionMethod !== 0 && entry.compressionMethod !== 8) {
    skipped.push({
      file,
      reason: `packed by a method that is not supported (${entry.compressionMethod})`,
      mayBeDicom: true,
    });
    return;
  }
  entries.push(zipEntry(zip, entry, file));
}

/**
 * The name of an entry, with forward slashes: some tools of Windows write backslashes, against the format.
 * @throws ImagingError `unsafe-archive` when it could lead outside of a folder
 */
function entryName(entry: yauzl.Entry, archive: string): string {
  const raw = entry.fileName as unknown as Buffer;
  const name = (entry.generalPurposeBitFlag & 0x800) !== 0 ? raw.toString('utf8') : decodeName(raw);
  const file = name.replaceAll('\\', '/');
  const reason =
    file === ''
      ? 'an empty name'
      : file.startsWith('/')
        ? 'an absolute path'
        : /^[A-Za-z]:/.test(file)
          ? 'a drive letter'
          : file.split('/').includes('..')
            ? 'a path that leads out of the archive'
            : file.includes('\0')
              ? 'a zero byte in the name'
              : undefined;
  if (reason === undefined) return file;
  throw new ImagingError('unsafe-archive', 'The archive holds an entry whose name is not safe.', {
    where: `${archive}, entry ${JSON.stringify(name)}`,
    found: reason,
    expected: 'relative names',
    advice: 'Do not trust this archive. If you do, unpack it yourself and read the folder.',
  });
}

/** Names are UTF-8 by flag, else code page 437; most tools write UTF-8 without the flag. */
function decodeName(raw: Buffer): string {
  const text = raw.toString('utf8');
  return text.includes('\ufffd') ? raw.toString('latin1') : text;
}

function zipEntry(zip: yauzl.ZipFile, entry: yauzl.Entry, name: string): SourceEntry {
  const size = entry.uncompressedSize;
  const readTo = async (length: number): Promise<Uint8Array> => {
    const wanted = Math.min(length, size);
    const stream = await new Promise<Readable>((resolve, reject) => {
      zip.openReadStream(entry, (error, opened) =>
        error ? reject(damagedZip(name, error)) : resolve(opened),
      );
    });
    const bytes = new Uint8Array(wanted);
    let done = 0;
    try {
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        const part = chunk.subarray(0, wanted - done);
        bytes.set(part, done);
        done += part.length;
        if (done === wanted && wanted < size) break;
      }
    } catch (error) {
      throw damagedZip(name, error);
    } finally {
      stream.destroy();
    }
    if (done < wanted) throw cutShort(name, done, wanted);
    if (wanted === size && crc32(bytes) !== entry.crc32 >>> 0) {
      throw new ImagingError('damaged', 'A file in the zip is damaged: its checksum does not fit.', {
        where: name,
        advice: 'Copy or download the archive again.',
      });
    }
    return bytes;
  };
  return {
    name,
    size,
    isSeekable: false,
    readHead: readTo,
    readAll: () => readTo(size),
    readRange: async (start, end) => (await readTo(size)).subarray(start, end),
  };
}

function damagedZip(where: string, error: unknown): ImagingError {
  const found = (error as Error).message;
  if (/encryption/i.test(found)) {
    return new ImagingError('unsupported', 'The zip archive is encrypted.', {
      where,
      found,
      advice: 'Unpack it with its password first.',
      cause: error,
    });
  }
  return new ImagingError('damaged', 'The zip archive is damaged, cut off or no zip at all.', {
    where,
    found,
    cause: error,
  });
}
