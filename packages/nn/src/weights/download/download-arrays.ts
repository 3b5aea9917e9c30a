import { NetworkError } from '../../errors/network-error.ts';
import type { ByteSource } from '../byte-source.ts';
import { readSafetensorsHeader } from '../open-safetensors.ts';
import { encodeSafetensorsHeader, type SafetensorsEntry } from '../safetensors-header.ts';
import { type DownloadControl, defaultPatience, reportBytes, withRetries } from './download-control.ts';
import { ConnectionLost, startTransfer, type Transfer } from './http.ts';
import { openPart } from './part-file.ts';

export interface ArraysDownload {
  /** Of a safetensors file. */
  readonly url: string;
  /** Arrays are fetched whose names begin with one of these. */
  readonly prefixes: readonly string[];
  readonly part: string;
  /** Goes into the header of the smaller file. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Looks at what the whole file holds before anything is fetched; throws when it is not the right one. */
  readonly check: (entries: readonly SafetensorsEntry[], total: number) => void;
}

export interface FetchedArrays {
  readonly arrays: number;
  /** Of the whole file on the server. */
  readonly total: number;
  /** The version that all bytes are of. */
  readonly validator: string | undefined;
}

/** Bytes that are fetched at first, for the header. */
const firstLook = 2 ** 17;

/** Arrays with fewer bytes between them are fetched by one request; those bytes are dropped. */
const joinGap = 2 ** 16;

/**
 * Downloads some arrays of a safetensors file by byte ranges: the header, then the arrays, neighbours together. The
 * part becomes a smaller safetensors file with the numbers as they are.
 * @throws NetworkError 'unsupported' when the server gives no ranges; 'value-invalid' when no array has such a name;
 * 'damaged' for a header that is none; and as `downloadFile` does. The part is kept.
 */
export async function downloadArrays(
  download: ArraysDownload,
  control: DownloadControl,
): Promise<FetchedArrays> {
  const { url, prefixes, metadata } = download;
  const part = await openPart(download.part, url, JSON.stringify({ prefixes, metadata }));
  try {
    const remote = await openRemote(url, control);
    const { entries } = await readSafetensorsHeader(remote);
    download.check(entries, remote.size);
    const wanted = entries
      .filter(({ name }) => prefixes.some((prefix) => name.startsWith(prefix)))
      .toSorted((a, b) => a.from - b.from);
    if (wanted.length === 0) {
      throw new NetworkError(
        'value-invalid',
        `No array of ${url} has a name that begins with ${prefixes.map((prefix) => `'${prefix}'`).join(' or ')}. It has ${entries
          .slice(0, 5)
          .map(({ name }) => name)
          .join(', ')}, …`,
      );
    }
    const header = encodeSafetensorsHeader(wanted, metadata);
    if (part.validator === undefined || part.validator !== remote.validator || part.size < header.length) {
      await part.restart(remote.validator);
      await part.append(header);
    }
    const size = wanted.reduce((sum, { from, to }) => sum + to - from, header.length);
    reportBytes(control, 'downloading', part.size, size);
    await withRetries(
      control,
      () => part.size,
      async () => {
        for (;;) {
          const [group] = joinRanges(wanted, part.size - header.length);
          if (group === undefined) return;
          const transfer = await remote.transfer(group[0]!.from, group.at(-1)!.to);
          try {
            let position = transfer.from;
            for await (const bytes of transfer.pieces) {
              for (const { from, to } of group) {
                const piece = bytes.subarray(Math.max(from - position, 0), Math.max(to - position, 0));
                if (piece.length > 0) await part.append(piece);
              }
              position += bytes.length;
              reportBytes(control, 'downloading', part.size, size);
            }
            if (position < group.at(-1)!.to)
              throw new ConnectionLost(`The connection to ${url} ended early.`);
          } finally {
            transfer.abandon();
          }
        }
      },
    );
    if (part.size !== size) {
      throw new NetworkError(
        'download-failed',
        `${url} gave ${part.size} bytes where ${size} were asked for.`,
      );
    }
    return { arrays: wanted.length, total: remote.size, validator: remote.validator };
  } finally {
    await part.close();
  }
}

interface Range {
  readonly from: number;
  readonly to: number;
}

/** Groups of neighbouring ranges (sorted), without the first `done` bytes of them. */
export function joinRanges(ranges: readonly Range[], done: number): readonly (readonly Range[])[] {
  const groups: Range[][] = [];
  let before = 0;
  for (const { from, to } of ranges) {
    const start = from + Math.min(Math.max(done - before, 0), to - from);
    before += to - from;
    if (start === to) continue;
    const last = groups.at(-1);
    if (last !== undefined && start - last.at(-1)!.to <= joinGap) last.push({ from: start, to });
    else groups.push([{ from: start, to }]);
  }
  return groups;
}

/** A file on a server as bytes to read. */
interface Remote extends ByteSource {
  readonly validator: string | undefined;
  /** Exactly these bytes, of the version that was opened. */
  transfer(from: number, to: number): Promise<Transfer>;
}

async function openRemote(url: string, control: DownloadControl): Promise<Remote> {
  const { signal, patience = defaultPatience } = control;
  const noRanges = () =>
    new NetworkError(
      'unsupported',
      `${url} cannot be fetched in parts: its server gives no byte ranges. Fetch the whole file.`,
    );
  let size = 0;
  let validator: string | undefined;
  const begin = await withRetries(
    control,
    () => 0,
    async () => {
      const transfer = await startTransfer({ url, range: { from: 0, to: firstLook }, signal, patience });
      if (transfer === undefined) throw noRanges();
      try {
        if (!transfer.isPart || transfer.from !== 0 || transfer.total === undefined) throw noRanges();
        size = transfer.total;
        validator = transfer.validator;
        return await collect(transfer, url);
      } finally {
        transfer.abandon();
      }
    },
  );
  const transfer = async (from: number, to: number): Promise<Transfer> => {
    const found = await startTransfer({ url, range: { from, to }, validator, signal, patience });
    const isRight =
      found?.isPart === true &&
      found.from === from &&
      found.length === to - from &&
      found.total === size &&
      found.validator === validator;
    if (isRight) return found;
    found?.abandon();
    throw new NetworkError('download-failed', `${url} changed while it was downloaded. Try again.`);
  };
  return {
    name: url,
    size,
    validator,
    transfer,
    read: async (from, to) => {
      if (to <= begin.length) return begin.subarray(from, to);
      if (to > size)
        throw new NetworkError('damaged', `${url} has ${size} bytes; bytes up to ${to} were looked for.`);
      return withRetries(
        control,
        () => 0,
        async () => collect(await transfer(from, to), url),
      );
    },
    close: async () => {},
  };
}

async function collect(transfer: Transfer, url: string): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of transfer.pieces) pieces.push(piece);
  const bytes = Buffer.concat(pieces);
  if (transfer.length !== undefined && bytes.length !== transfer.length) {
    throw new ConnectionLost(`The connection to ${url} ended early.`);
  }
  return bytes;
}
