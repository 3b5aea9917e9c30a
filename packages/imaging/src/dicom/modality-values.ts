import { readFileSync } from 'node:fs';
import { ImagingError } from '../errors/imaging-error.ts';
import { parseDicomFile } from './parse/dicom-file.ts';
import { framesOf } from './pixels/frame-reader.ts';
import { convertFrame } from './pixels/modality-transform.ts';
import { readInstance } from './series/instance.ts';
import { isHounsfield } from './series/stack-findings.ts';
import type { SourceEntry } from './source/entries.ts';

/** Values of one object after its Modality LUT or rescale: Hounsfield units for CT. */
export interface ModalityValues {
  readonly rows: number;
  readonly columns: number;
  readonly frames: number;
  readonly isHounsfield: boolean;
  /** Frame by frame, row by row; padding and values below -1024 as they are. */
  readonly values: Float64Array;
}

/**
 * Reads one single-sample image object and applies the rescale (of each frame, for enhanced objects) or the
 * Modality LUT, in float64 and without any cleaning: what a peer implementation must give, too.
 * @param source the file's bytes (not copied) or its path
 * @throws ImagingError `not-an-image`, `damaged`, `unsupported`, `not-readable`
 */
export async function readModalityValues(source: Uint8Array | string): Promise<ModalityValues> {
  const where = typeof source === 'string' ? source : 'DICOM object';
  const bytes = typeof source === 'string' ? readFileSync(source) : source;
  const entry: SourceEntry = {
    name: where,
    size: bytes.length,
    isSeekable: true,
    readHead: async (length) => bytes.subarray(0, length),
    readAll: async () => bytes,
    readRange: async (start, end) => bytes.subarray(start, end),
  };
  const instance = readInstance(parseDicomFile(bytes, true, where), entry, bytes.length);
  if (instance === undefined) {
    throw new ImagingError('not-an-image', 'The DICOM object holds no pixels.', { where });
  }
  const { rows, columns, frames, samples } = instance.pixels;
  if (samples !== 1) {
    throw new ImagingError('unsupported', 'Colour images hold no measured values.', { where });
  }
  const reader = await framesOf(bytes, where);
  const count = rows * columns;
  const values = new Float64Array(count * frames);
  for (const plane of instance.frames) {
    const words = await reader.frame(plane.frame);
    convertFrame(words, reader.description, plane.transform, undefined, values, plane.frame * count, count);
  }
  return { rows, columns, frames, isHounsfield: isHounsfield(instance.frames), values };
}
