import { closeSync, openSync, readdirSync, readSync, realpathSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import { cutShort, type EntrySource, type SkippedEntry, type SourceEntry } from './entries.ts';

/** Node reads at most 2 GiB in one call. */
const mostBytesAtOnce = 2 ** 30;

/** Grows by need and is used again for every read, so that a series is read in the memory of one file. */
export class ReadBuffer {
  #bytes = new Uint8Array(0);

  take(length: number): Uint8Array {
    if (this.#bytes.length < length) this.#bytes = new Uint8Array(Math.ceil(length * 1.1) + 65536);
    return this.#bytes.subarray(0, length);
  }
}

/** Reads a file of a disk in pieces, into a shared buffer. */
export function fileEntry(path: string, name: string, size: number, buffer: ReadBuffer): SourceEntry {
  const read = (start: number, end: number): Uint8Array => {
    const target = buffer.take(Math.max(0, end - start));
    const handle = openSync(path, 'r');
    try {
      let done = 0;
      while (done < target.length) {
        const count = readSync(
          handle,
          target,
          done,
          Math.min(mostBytesAtOnce, target.length - done),
          start + done,
        );
        if (count === 0) throw cutShort(name, start + done, end);
        done += count;
      }
    } finally {
      closeSync(handle);
    }
    return target;
  };
  return {
    name,
    size,
    isSeekable: true,
    readHead: async (length) => read(0, Math.min(length, size)),
    readAll: async () => read(0, size),
    readRange: async (start, end) => read(start, end),
  };
}

/**
 * All regular files under a folder, sorted by name. Symbolic links are followed, each real folder once,
 * so that loops end. Hidden files and folders (`.name`, `__MACOSX`) are passed over in silence.
 */
export function openFolder(path: string): EntrySource {
  const buffer = new ReadBuffer();
  const entries: SourceEntry[] = [];
  const skipped: SkippedEntry[] = [];
  const seen = new Set<string>();
  const walk = (folder: string, prefix: string): void => {
    const real = realpathSync(folder);
    if (seen.has(real)) return;
    seen.add(real);
    for (const name of readdirSync(folder).sort()) {
      if (name.startsWith('.') || name === '__MACOSX') continue;
      const full = join(folder, name);
      const relative = prefix === '' ? name : `${prefix}/${name}`;
      let stats: Stats;
      try {
        stats = statSync(full);
        if (stats.isDirectory()) walk(full, relative);
      } catch (error) {
        skipped.push({ file: relative, reason: readFailure(error), mayBeDicom: true });
        continue;
      }
      if (stats.isFile()) entries.push(fileEntry(full, relative, stats.size, buffer));
      else if (!stats.isDirectory()) skipped.push({ file: relative, reason: 'not a regular file' });
    }
  };
  walk(path, '');
  return { entries, skipped, close: () => {} };
}

/** Words for what the file system refused. */
export function readFailure(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT') return 'a link to something that is not there';
  if (code === 'EACCES' || code === 'EPERM') return 'no permission to read it';
  if (code === 'ELOOP') return 'a link that leads to itself';
  return `cannot be read (${code ?? (error as Error).message})`;
}
