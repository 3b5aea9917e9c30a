import type { PreparedCase } from '../preprocess/prepared-case.ts';
import { lesionValue, liverValue } from './label-values.ts';
import { indexLesions, type LesionIndex } from './lesion-index.ts';

/** Where a case has voxels of a kind: cumulative counts by slice, so that one can be drawn without a list of all. */
export interface CaseIndex {
  readonly prepared: PreparedCase;
  /** Entry k: liver voxels (lesions not counted) in slices 0..k-1; the last entry is the total. */
  readonly liver: Float64Array;
  /** The same for lesion voxels. */
  readonly lesion: Float64Array;
  /** Its lesions one by one; null unless asked for. */
  readonly lesions: LesionIndex | null;
}

/**
 * Counts the voxels of a case slice by slice.
 * @param byLesion also list the voxels of each lesion: what draws by lesion need
 */
export function indexCase(prepared: PreparedCase, byLesion = false): CaseIndex {
  const depth = prepared.geometry.size[2];
  const liver = new Float64Array(depth + 1);
  const lesion = new Float64Array(depth + 1);
  for (let k = 0; k < depth; k++) {
    const labels = prepared.labels(k);
    let livers = 0;
    let lesions = 0;
    for (let i = 0; i < labels.length; i++) {
      if (labels[i] === liverValue) livers++;
      else if (labels[i] === lesionValue) lesions++;
    }
    liver[k + 1] = liver[k]! + livers;
    lesion[k + 1] = lesion[k]! + lesions;
  }
  return { prepared, liver, lesion, lesions: byLesion ? indexLesions(prepared) : null };
}

/** The voxel of a label with rank `rank` (0 is the first) in slice, row, column order. */
export function voxelOfRank(
  index: CaseIndex,
  counts: Float64Array,
  value: number,
  rank: number,
): readonly [number, number, number] {
  let low = 0;
  let high = counts.length - 2;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (counts[middle + 1]! > rank) high = middle;
    else low = middle + 1;
  }
  let left = rank - counts[low]!;
  const labels = index.prepared.labels(low);
  const width = index.prepared.geometry.size[0];
  for (let i = 0; i < labels.length; i++) {
    if (labels[i] === value && left-- === 0) return [i % width, Math.floor(i / width), low];
  }
  throw new RangeError(`rank ${rank} is beyond the ${counts.at(-1)} voxels of label ${value}`);
}
