import { ImagingError } from '../../errors/imaging-error.ts';

/** One file of a source: on disk, or in a zip. */
export interface SourceEntry {
  /** Path relative to the source, with forward slashes; `outer.zip/inner` for what lies in a zip of the source. */
  readonly name: string;
  /** Size in bytes (inflated). */
  readonly size: number;
  /** Whether `readRange` costs only what it reads; packed entries are unpacked from their start each time. */
  readonly isSeekable: boolean;
  /** The first `length` bytes, or all if there are fewer. The result is valid until the next read of the source. */
  readHead(length: number): Promise<Uint8Array>;
  /** All bytes, checked against size and, in a zip, CRC. Valid until the next read of the source. */
  readAll(): Promise<Uint8Array>;
  /** Bytes from `start` to `end` (exclusive). Valid until the next read of the source. */
  readRange(start: number, end: number): Promise<Uint8Array>;
}

/** What a path gives: entries to read one at a time, and what was passed over. */
export interface EntrySource {
  readonly entries: readonly SourceEntry[];
  /** Entries that cannot be read at all, with the reason. */
  readonly skipped: readonly SkippedEntry[];
  close(): void;
}

export interface SkippedEntry {
  readonly file: string;
  readonly reason: string;
  /** Whether a slice may be lost with it. */
  readonly mayBeDicom?: boolean;
}

export function cutShort(name: string, found: number, expected: number): ImagingError {
  return new ImagingError('damaged', 'The file is shorter than it should be.', {
    where: name,
    found: `${found} bytes`,
    expected: `${expected} bytes`,
    advice: 'Copy it again from its source.',
  });
}
