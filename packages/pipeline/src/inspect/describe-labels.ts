import { voxelVolumeMm3 } from '@glisson/imaging/geometry/geometry';
import { labelRuns } from '@glisson/imaging/process/runs';
import { countLabels, type Labelmap } from '@glisson/imaging/volume/labelmap';
import type { LabelReport } from './inspect-report.ts';

/** Each label that occurs, but the background 0: size, pieces, extent. */
export function describeLabels(labelmap: Labelmap): LabelReport[] {
  const { voxels, geometry } = labelmap;
  const counts = countLabels(voxels);
  const sliceVoxels = geometry.size[0] * geometry.size[1];
  const reports: LabelReport[] = [];
  for (let value = 1; value < 256; value++) {
    if (counts[value] === 0) continue;
    const mask = new Uint8Array(voxels.length);
    for (let i = 0; i < voxels.length; i++) if (voxels[i] === value) mask[i] = 1;
    reports.push({
      value,
      name: labelmap.labels.find((entry) => entry.value === value)?.name,
      voxels: counts[value]!,
      ml: (counts[value]! * voxelVolumeMm3(geometry)) / 1000,
      components: labelRuns(mask, geometry.size, 26).count,
      slices: [Math.floor(mask.indexOf(1) / sliceVoxels), Math.floor(mask.lastIndexOf(1) / sliceVoxels)],
    });
  }
  return reports;
}
