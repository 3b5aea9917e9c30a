import { setImmediate } from 'node:timers/promises';
import { ImagingError } from '../errors/imaging-error.ts';
import type { TaskControl } from '../progress/progress.ts';
import { HeaderBeyondBytes, readString } from './parse/data-set.ts';
import { type DicomFile, looksLikeDicom, parseDicomFile } from './parse/dicom-file.ts';
import { tags } from './parse/tags.ts';
import { type Instance, readInstance, readSeriesDetails, type SeriesDetails } from './series/instance.ts';
import { objectKind } from './series/object-kinds.ts';
import type { EntrySource, SourceEntry } from './source/entries.ts';

/** A DICOM object that is no slice of a scan. */
export interface OtherObject {
  readonly file: string;
  /** What it is, in words: `RT Structure Set`, `directory (DICOMDIR)`, `Segmentation`. */
  readonly kind: string;
  readonly modality?: string;
  readonly seriesInstanceUid?: string;
  /** An image by its class, but without pixels: perhaps cut off. */
  readonly lacksPixels?: boolean;
}

/** A file that was not read, and why. */
export interface UnreadFile {
  readonly file: string;
  readonly reason: string;
  /** Whether it is DICOM, or may be: then its loss matters. */
  readonly isDicom: boolean;
}

/** What the headers of a source say. */
export interface DicomIndex {
  readonly instances: readonly Instance[];
  /** By `studyUid|seriesUid`. */
  readonly details: ReadonlyMap<string, SeriesDetails>;
  readonly others: readonly OtherObject[];
  readonly unread: readonly UnreadFile[];
}

const firstHead = 16 * 1024;

/** Reads the header of every entry, one at a time. */
export async function indexDicom(source: EntrySource, control: TaskControl = {}): Promise<DicomIndex> {
  const instances: Instance[] = [];
  const details = new Map<string, SeriesDetails>();
  const others: OtherObject[] = [];
  const unread: UnreadFile[] = source.skipped.map(({ file, reason, mayBeDicom }) => ({
    file,
    reason,
    isDicom: mayBeDicom ?? false,
  }));
  const total = source.entries.length;
  for (let i = 0; i < total; i++) {
    if (i % 64 === 0) {
      control.signal?.throwIfAborted();
      control.onProgress?.({ stage: 'reading headers', done: i, total, unit: 'files' });
      await setImmediate();
    }
    const entry = source.entries[i]!;
    // What cannot be read at all may have been a slice.
    let isDicom = true;
    try {
      const head = await entry.readHead(Math.min(firstHead, entry.size));
      isDicom = looksLikeDicom(head);
      if (!isDicom) {
        unread.push({ file: entry.name, reason: entry.size === 0 ? 'empty file' : 'not DICOM', isDicom });
        continue;
      }
      const { file, size } = await readHeader(entry, head);
      const { dataSet } = file;
      const kind = objectKind(
        readString(dataSet, tags.sopClassUid) ?? file.mediaStorageSopClassUid,
        readString(dataSet, tags.modality),
      );
      const instance = kind.isScan ? readInstance(file, entry, size) : undefined;
      if (instance === undefined) {
        const isDirectory = dataSet.elements.has(tags.directoryRecordSequence);
        others.push({
          file: entry.name,
          lacksPixels: kind.isScan && !isDirectory,
          kind: isDirectory
            ? 'directory (DICOMDIR)'
            : kind.isScan
              ? `${kind.name} without pixels`
              : kind.name,
          modality: readString(dataSet, tags.modality),
          seriesInstanceUid: readString(dataSet, tags.seriesInstanceUid),
        });
        continue;
      }
      instances.push(instance);
      const key = `${instance.studyUid}|${instance.seriesUid}`;
      if (!details.has(key)) details.set(key, readSeriesDetails(dataSet));
    } catch (error) {
      if (control.signal?.aborted) throw error;
      unread.push({ file: entry.name, reason: reasonOf(error), isDicom });
    }
  }
  control.onProgress?.({ stage: 'reading headers', done: total, total, unit: 'files' });
  return { instances, details, others, unread };
}

async function readHeader(entry: SourceEntry, head: Uint8Array): Promise<{ file: DicomFile; size: number }> {
  let bytes = head;
  let length = firstHead;
  for (;;) {
    const isWhole = bytes.length < length || length >= entry.size;
    try {
      const file = parseDicomFile(bytes, isWhole, entry.name);
      return { file, size: Number.isFinite(entry.size) ? entry.size : Number.POSITIVE_INFINITY };
    } catch (error) {
      if (!(error instanceof HeaderBeyondBytes)) throw error;
    }
    length *= 16;
    bytes = length >= entry.size ? await entry.readAll() : await entry.readHead(length);
  }
}

/** One line for a list: what was wrong, without the file's name. */
function reasonOf(error: unknown): string {
  if (!(error instanceof ImagingError)) return (error as Error).message;
  const { where: _, ...rest } = error.explanation;
  return new ImagingError(error.code, error.message.split(/ (?:Where|Found|Expected): /)[0]!, rest).message;
}
