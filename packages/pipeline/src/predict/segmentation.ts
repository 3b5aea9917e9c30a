import type { Labelmap } from '@glisson/imaging/volume/labelmap';
import type { LesionMeasures } from '../measure/measure-lesions.ts';

/** Something about this result that a person must know before trusting it. */
export interface SegmentationWarning {
  /** Stable and short, e.g. `no-liver`. */
  readonly code: string;
  readonly message: string;
}

/** What `segmentScan` found in one scan. */
export interface Segmentation extends LesionMeasures {
  /** 0 background, 1 liver, 2 lesion, on the scan's own grid. */
  readonly labelmap: Labelmap;
  readonly warnings: readonly SegmentationWarning[];
  /** Wall-clock seconds of each stage; for provenance only, never part of a result. */
  readonly seconds: Readonly<Record<string, number>>;
}
