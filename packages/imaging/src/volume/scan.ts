import type { Volume } from './volume.ts';

/** Something that a reader noticed and a person should know. */
export interface Finding {
  readonly severity: 'info' | 'warning' | 'error';
  /** Stable and short, e.g. `missing-slices`. */
  readonly code: string;
  readonly message: string;
  /** File, series or tag. */
  readonly where?: string;
}

/** Where one slice (index k of the volume) came from. */
export interface SourceSlice {
  /** File name relative to the path that was read; entry name inside a zip. */
  readonly file?: string;
  /** Frame of a multi-frame object, from 0. */
  readonly frame?: number;
  readonly sopInstanceUid?: string;
}

/**
 * How a sheared (gantry-tilted) stack was straightened: slice k of the source was moved inside its own
 * plane by `shiftPx[k]` (x, y; fractions allowed) onto a canvas that is larger than the source by `pad`.
 * Source pixel (i, j) of slice k is at volume index (i + pad[0] + shiftPx[k][0], j + pad[1] + shiftPx[k][1], k).
 */
export interface Straightening {
  readonly sourceSize: readonly [number, number];
  readonly pad: readonly [number, number];
  readonly shiftPx: readonly (readonly [number, number])[];
}

/** Identity of a DICOM series, as far as it matters to a reader. */
export interface SeriesIdentity {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly frameOfReferenceUid?: string;
  readonly modality: string;
  readonly patientId?: string;
  readonly seriesNumber?: string;
  readonly seriesDescription?: string;
  readonly studyDate?: string;
}

/** A volume with its history. */
export interface Scan {
  readonly volume: Volume;
  readonly format: 'dicom' | 'nifti' | 'nrrd' | 'metaimage';
  /** The path that was read. */
  readonly path: string;
  /** True when voxel values are Hounsfield units by the file's own word (CT with rescale). */
  readonly isHounsfield: boolean;
  /** One entry a slice k. */
  readonly slices: readonly SourceSlice[];
  readonly series?: SeriesIdentity;
  readonly straightening?: Straightening;
  readonly findings: readonly Finding[];
}
