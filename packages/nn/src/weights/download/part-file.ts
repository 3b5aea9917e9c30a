import { type FileHandle, open, readFile, rm, writeFile } from 'node:fs/promises';

/** Which version of which file a part is of. */
export interface PartState {
  readonly url: string;
  readonly validator: string;
  /** What else must be the same to go on, e.g. the arrays that are fetched. */
  readonly purpose: string;
}

/** A download that is not finished: the first bytes of a file, and a note beside it which file. */
export interface PartFile {
  /** Bytes that are there. */
  readonly size: number;
  /** The version that they are of; undefined when nothing is there. */
  readonly validator: string | undefined;
  /** Puts bytes behind those that are there. */
  append(bytes: Uint8Array): Promise<void>;
  /** Drops what is there, and begins with another version (that cannot be gone on with if it is undefined). */
  restart(validator: string | undefined): Promise<void>;
  /** Keeps what is there. */
  close(): Promise<void>;
  /** Closes and deletes. */
  remove(): Promise<void>;
}

/**
 * Opens the part of an earlier try, or begins one. What is there is kept only if it is of the same url and purpose.
 * One process at a time: see `withLock`.
 */
export async function openPart(path: string, url: string, purpose: string): Promise<PartFile> {
  const notePath = `${path}.json`;
  const handle = await openOrCreate(path);
  const note = await readNote(notePath);
  const isSame = note?.url === url && note.purpose === purpose;
  let validator = isSame ? note.validator : undefined;
  let size = validator === undefined ? 0 : (await handle.stat()).size;
  const drop = async () => {
    await rm(notePath, { force: true });
    await handle.truncate(0);
    size = 0;
    validator = undefined;
  };
  if (validator === undefined) await drop();
  return {
    get size() {
      return size;
    },
    get validator() {
      return validator;
    },
    append: async (bytes) => {
      let done = 0;
      while (done < bytes.length) {
        const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, size + done);
        done += bytesWritten;
      }
      size += bytes.length;
    },
    restart: async (next) => {
      await drop();
      if (next === undefined) return;
      validator = next;
      await writeFile(notePath, JSON.stringify({ url, validator: next, purpose } satisfies PartState));
    },
    close: async () => {
      await handle.sync();
      await handle.close();
    },
    remove: async () => {
      await handle.close();
      await rm(path, { force: true });
      await rm(notePath, { force: true });
    },
  };
}

async function openOrCreate(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r+');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return open(path, 'w+');
  }
}

async function readNote(path: string): Promise<PartState | undefined> {
  try {
    const note: unknown = JSON.parse(await readFile(path, 'utf8'));
    const { url, validator, purpose } = (note ?? {}) as Record<string, unknown>;
    const isNote = typeof url === 'string' && typeof validator === 'string' && typeof purpose === 'string';
    return isNote ? { url, validator, purpose } : undefined;
  } catch {
    // No note, or half a note: the part is of no use.
    return undefined;
  }
}
