import { ImagingError } from '../errors/imaging-error.ts';
import { type Geometry, voxelCount } from '../geometry/geometry.ts';

/** What a voxel value of a labelmap means. */
export interface LabelEntry {
  /** 0..255 */
  readonly value: number;
  readonly name: string;
}

export type LabelTable = readonly LabelEntry[];

/** One label value a voxel, on the grid of the scan it belongs to. */
export interface Labelmap {
  readonly geometry: Geometry;
  /** x fastest, then y, then z. */
  readonly voxels: Uint8Array;
  readonly labels: LabelTable;
}

/** The labels of this project and of LiTS: a lesion voxel counts as liver, too. */
export const liverLabels: LabelTable = [
  { value: 0, name: 'background' },
  { value: 1, name: 'liver' },
  { value: 2, name: 'lesion' },
];

/** Puts labels on a grid. Does not copy and does not scan the values: see `assertKnownLabels`. */
export function createLabelmap(geometry: Geometry, voxels: Uint8Array, labels: LabelTable): Labelmap {
  if (voxels.length !== voxelCount(geometry)) {
    throw new ImagingError('value-invalid', 'The number of label voxels does not fit the grid.', {
      found: `${voxels.length} voxels`,
      expected: `${geometry.size.join(' x ')} = ${voxelCount(geometry)}`,
    });
  }
  return { geometry, voxels, labels };
}

/** Voxel count of each value 0..255. */
export function countLabels(voxels: Uint8Array): Uint32Array {
  const counts = new Uint32Array(256);
  for (let i = 0; i < voxels.length; i++) counts[voxels[i]!]!++;
  return counts;
}

/** @throws ImagingError `label-unknown` when a value occurs that the table does not name. */
export function assertKnownLabels(labelmap: Labelmap, where?: string): void {
  const counts = countLabels(labelmap.voxels);
  const known = new Set(labelmap.labels.map((entry) => entry.value));
  const unknown = [...counts.keys()].filter((value) => counts[value]! > 0 && !known.has(value));
  if (unknown.length === 0) return;
  throw new ImagingError('label-unknown', 'The labelmap holds values that its label table does not name.', {
    where,
    found: unknown.map((value) => `${value} (${counts[value]} voxels)`).join(', '),
    expected: labelmap.labels.map((entry) => `${entry.value} ${entry.name}`).join(', '),
    advice: 'Name the values in the label table, or map them to known labels first.',
  });
}
