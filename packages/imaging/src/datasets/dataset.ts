import type { LabelTable } from '../volume/labelmap.ts';
import type { Finding } from '../volume/scan.ts';

/** Folder layouts that `readDataset` knows. */
export type DatasetLayout = 'lits' | 'decathlon' | 'ircadb' | 'csv' | 'glisson-phantom';

/** Where the labels of a case come from. Paths are absolute. */
export type LabelSource =
  /** One label image; `values` maps stored values to the dataset's label table where they differ. */
  | { readonly kind: 'file'; readonly path: string; readonly values?: readonly LabelValueMap[] }
  /** Several masks, each a DICOM series whose non-zero pixels get `value`; later masks win. */
  | { readonly kind: 'masks'; readonly masks: readonly MaskSource[] };

export interface LabelValueMap {
  readonly stored: number;
  readonly value: number;
}

export interface MaskSource {
  /** Name in the dataset, e.g. `livertumor01`. */
  readonly name: string;
  readonly path: string;
  /** Folder in the zip at `path` that holds the mask, where it holds several. */
  readonly within?: string;
  readonly value: number;
}

/** One scan of one patient, with its labels when it has any. */
export interface DatasetCase {
  readonly id: string;
  readonly patient: string;
  /** Absolute path of the scan: a file, a folder or a zip. */
  readonly image: string;
  readonly label?: LabelSource;
}

/** Labelled scans in a folder. */
export interface Dataset {
  readonly layout: DatasetLayout;
  readonly cases: readonly DatasetCase[];
  readonly labels: LabelTable;
  readonly findings: readonly Finding[];
}
