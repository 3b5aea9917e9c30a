import { assertGeometriesAgree } from '../geometry/geometry.ts';
import type { TaskControl } from '../progress/progress.ts';
import { summariseVoxels } from '../scan/check-voxels.ts';
import { readScan } from '../scan/read-scan.ts';
import { createLabelmap, type Labelmap, type LabelTable } from '../volume/labelmap.ts';
import type { Scan } from '../volume/scan.ts';
import type { MaskSource } from './dataset.ts';

/**
 * Reads masks one after the other onto the grid of their scan: where a mask is above its smallest value, the
 * label becomes the mask's; later masks win. A mask of one value only is empty.
 * @throws ImagingError `geometry-mismatch` naming both grids, or what `readScan` throws
 */
export async function mergeMasks(
  scan: Scan,
  masks: readonly MaskSource[],
  labels: LabelTable,
  control: TaskControl = {},
): Promise<Labelmap> {
  const { geometry } = scan.volume;
  const voxels = new Uint8Array(scan.volume.voxels.length);
  for (const mask of masks) {
    control.signal?.throwIfAborted();
    const { volume } = await readScan(mask.path, { within: mask.within }, control);
    const name = mask.within === undefined ? mask.path : `${mask.path}: ${mask.within}`;
    assertGeometriesAgree(geometry, volume.geometry, [`scan ${scan.path}`, `mask ${name}`]);
    // Not "above 0": a rescale intercept moves the background away from it.
    const { min } = summariseVoxels(volume);
    const values = volume.voxels;
    for (let i = 0; i < values.length; i++) if (values[i]! > min) voxels[i] = mask.value;
  }
  return createLabelmap(geometry, voxels, labels);
}
