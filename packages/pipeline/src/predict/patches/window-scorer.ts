import type { ChannelImage } from '../../patches/cut-patch.ts';
import type { WindowGrid } from '../../patches/window-grid.ts';

/** Judges the windows of slices. The ways differ in cost, and for networks that pad also in what they see at the rim of a patch. */
export interface WindowScorer {
  /** How it works: 'patches', 'batched' or 'dense'. */
  readonly mode: 'patches' | 'batched' | 'dense';
  /**
   * Lesion probabilities of the wanted windows of a slice, [rows, columns]; 0 where a window was not wanted.
   * @param wanted [rows, columns], 0 or 1
   */
  score(image: ChannelImage, grid: WindowGrid, wanted: Uint8Array): Promise<Float32Array>;
  close(): Promise<void>;
}
