import { NetworkError } from '../../errors/network-error.ts';
import { type DownloadControl, defaultPatience, reportBytes, withRetries } from './download-control.ts';
import { ConnectionLost, startTransfer } from './http.ts';
import { openPart } from './part-file.ts';

export interface FileDownload {
  readonly url: string;
  /** Size of the file as far as it is known; a server that has a very different one has another file. */
  readonly approximateBytes: number;
  /** Where the part lies until it is whole. */
  readonly part: string;
}

/** Published sizes have three digits. */
export const sizeTolerance = 0.02;

/**
 * Downloads a file into its part, going on from what an earlier try has left there; connections that break are tried
 * again. The part is whole when this returns.
 * @throws NetworkError 'not-found', 'download-failed'; the signal's reason. The part is kept.
 */
export async function downloadFile(download: FileDownload, control: DownloadControl): Promise<void> {
  const { url, approximateBytes } = download;
  const part = await openPart(download.part, url, 'whole');
  try {
    await withRetries(
      control,
      () => part.size,
      async () => {
        const { signal, patience = defaultPatience } = control;
        const isBegun = part.size > 0 && part.validator !== undefined;
        const transfer = await startTransfer({
          url,
          ...(isBegun ? { range: { from: part.size }, validator: part.validator } : {}),
          signal,
          patience,
        });
        if (transfer === undefined) {
          // No bytes behind those that are there: it is whole, or of no use. The checksum tells.
          if (isPlausible(part.size, approximateBytes)) return;
          await part.restart(undefined);
          throw new ConnectionLost(`${url} has fewer bytes than were downloaded.`);
        }
        try {
          const { total } = transfer;
          if (total !== undefined && !isPlausible(total, approximateBytes)) {
            throw new NetworkError(
              'download-failed',
              `${url} has ${total} bytes, about ${approximateBytes} were expected: it is another file, or a page that asks for something.`,
            );
          }
          const goesOn = isBegun && transfer.from === part.size && transfer.validator === part.validator;
          if (!goesOn) {
            if (transfer.from !== 0) {
              await part.restart(undefined);
              throw new ConnectionLost(`${url} changed while it was downloaded.`);
            }
            await part.restart(transfer.validator);
          }
          reportBytes(control, 'downloading', part.size, total ?? approximateBytes);
          for await (const piece of transfer.pieces) {
            await part.append(piece);
            reportBytes(control, 'downloading', part.size, total ?? approximateBytes);
          }
          if (total !== undefined && part.size !== total) {
            throw new ConnectionLost(`The connection ended after ${part.size} of ${total} bytes.`);
          }
        } finally {
          transfer.abandon();
        }
      },
    );
  } finally {
    await part.close();
  }
}

function isPlausible(bytes: number, expected: number): boolean {
  return Math.abs(bytes - expected) <= expected * sizeTolerance;
}
