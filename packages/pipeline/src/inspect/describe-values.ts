import type { VolumeVoxels } from '@glisson/imaging/volume/volume';
import type { ValuesReport } from './inspect-report.ts';

const huLow = -1200;
const huHigh = 2000;
const huBinWidth = 10;

/** Range, mean and histogram of voxel values; NaN and infinities are counted apart. One pass, no copy. */
export function describeValues(voxels: VolumeVoxels, isHounsfield: boolean): ValuesReport {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let sum = 0;
  let notFinite = 0;
  for (let i = 0; i < voxels.length; i++) {
    const value = voxels[i]!;
    if (!Number.isFinite(value)) {
      notFinite++;
      continue;
    }
    if (value < min) min = value;
    if (value > max) max = value;
    sum += value;
  }
  const finite = voxels.length - notFinite;
  if (finite === 0) {
    min = 0;
    max = 0;
  }
  const looksLikeHU = isHounsfield || (min >= huLow - 2000 && min < -50);
  const low = looksLikeHU ? huLow : min;
  const high = looksLikeHU ? huHigh : max;
  const binWidth = looksLikeHU ? huBinWidth : Math.max((high - low) / 256, Number.EPSILON);
  const bins = Math.max(1, Math.ceil((high - low) / binWidth));
  const counts = new Float64Array(bins);
  let below = 0;
  let above = 0;
  for (let i = 0; i < voxels.length; i++) {
    const value = voxels[i]!;
    if (!Number.isFinite(value)) continue;
    const bin = Math.floor((value - low) / binWidth);
    if (bin < 0) below++;
    else if (bin < bins) counts[bin]!++;
    else if (value === high) counts[bins - 1]!++;
    else above++;
  }
  return {
    isHounsfield,
    min,
    max,
    mean: finite > 0 ? sum / finite : 0,
    notFinite,
    histogram: { low, binWidth, counts: [...counts], below, above },
  };
}
