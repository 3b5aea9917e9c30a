import { startHdf5Thread } from '#hdf5-thread';
import { NetworkError } from '../../errors/network-error.ts';
import type { ByteSource } from '../byte-source.ts';
import type { Hdf5Listing, Hdf5Reply, Hdf5Request } from './hdf5-messages.ts';

/** An open HDF5 file: what is in it, and its numbers one array at a time. */
export interface Hdf5File {
  readonly listing: Hdf5Listing;
  /** @throws NetworkError 'damaged' */
  read(path: string): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** The library takes a whole file into the memory of a 32-bit machine. */
const largestFile = 2 ** 31 - 1;
const chunk = 2 ** 24;

/**
 * Opens an HDF5 file with the HDF Group's library in a thread of its own. The source stays the caller's to close.
 * @param patience how long a single answer may take, in ms, before the file is taken for damaged
 * @throws NetworkError 'damaged', 'unsupported' when it is larger than 2 GiB
 */
export async function openHdf5(source: ByteSource, patience = 60_000): Promise<Hdf5File> {
  if (source.size > largestFile) {
    throw new NetworkError(
      'unsupported',
      `${source.name} has ${source.size} bytes; HDF5 is read up to ${largestFile}.`,
    );
  }
  const bytes = new Uint8Array(source.size);
  for (let from = 0; from < source.size; from += chunk) {
    bytes.set(await source.read(from, Math.min(from + chunk, source.size)), from);
  }
  const worker = startHdf5Thread();
  const damaged = (reason: string, cause?: unknown) =>
    new NetworkError('damaged', `${source.name} cannot be read as HDF5: ${reason}.`, { cause });

  /** Ends the question that is open, if any. */
  let settle: ((reply: Hdf5Reply | NetworkError) => void) | undefined;
  let isOver = false;
  worker.on('message', (reply: Hdf5Reply) => settle?.(reply));
  worker.on('error', (cause) => settle?.(damaged(String(cause), cause)));
  worker.on('exit', () => {
    isOver = true;
    settle?.(damaged('the library has ended'));
  });
  const ask = (request: Hdf5Request, transfer: ArrayBuffer[] = []): Promise<Hdf5Reply> =>
    new Promise((resolve, reject) => {
      if (isOver) {
        reject(damaged('the library has ended'));
        return;
      }
      const timer = setTimeout(() => {
        settle?.(damaged(`the library gave no answer in ${patience} ms`));
        void worker.terminate();
      }, patience);
      settle = (reply) => {
        settle = undefined;
        clearTimeout(timer);
        // A thread that waits keeps no process alive.
        worker.unref();
        if (reply instanceof NetworkError) reject(reply);
        else if (reply.kind === 'failed') reject(damaged(reply.message));
        else resolve(reply);
      };
      worker.ref();
      worker.postMessage(request, transfer);
    });

  try {
    const reply = await ask({ kind: 'open', bytes }, [bytes.buffer]);
    if (reply.kind !== 'listing') throw damaged('no listing');
    let pending: Promise<unknown> = Promise.resolve();
    return {
      listing: reply.listing,
      // One question at a time.
      read: (path) => {
        const answer = pending.then(() => ask({ kind: 'read', path }));
        pending = answer.catch(() => {});
        return answer.then((found) => {
          if (found.kind !== 'bytes') throw damaged('no numbers');
          return found.bytes;
        });
      },
      close: async () => {
        await worker.terminate();
      },
    };
  } catch (error) {
    await worker.terminate();
    throw error;
  }
}
