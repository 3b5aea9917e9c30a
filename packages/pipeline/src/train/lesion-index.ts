import { connectedComponents } from '@glisson/imaging/process/components';
import type { PreparedCase } from '../preprocess/prepared-case.ts';
import { lesionValue } from './label-values.ts';

/** The voxels of a case's lesions, one after the other. */
export interface LesionIndex {
  readonly count: number;
  /** Entry n: where lesion n begins in `voxels`; the last entry is their number. */
  readonly start: Uint32Array;
  /** x + width * (y + height * k) on the prepared grid. */
  readonly voxels: Uint32Array;
}

/** Finds the lesions of a case: connected over faces, edges and corners, in the order of their first voxels. */
export function indexLesions(prepared: PreparedCase): LesionIndex {
  const [width, height, depth] = prepared.geometry.size;
  const area = width * height;
  const slices = Array.from({ length: depth }, (_, k) => k).filter((k) =>
    prepared.labels(k).includes(lesionValue),
  );
  const first = slices[0];
  if (first === undefined) return { count: 0, start: new Uint32Array(1), voxels: new Uint32Array() };

  const thickness = slices.at(-1)! + 1 - first;
  const mask = new Uint8Array(area * thickness);
  for (const k of slices) {
    const labels = prepared.labels(k);
    const from = (k - first) * area;
    for (let i = 0; i < area; i++) if (labels[i] === lesionValue) mask[from + i] = 1;
  }
  const { labels, count, sizes } = connectedComponents(mask, [width, height, thickness], 26);
  const start = new Uint32Array(count + 1);
  for (let n = 0; n < count; n++) start[n + 1] = start[n]! + sizes[n + 1]!;
  const next = start.slice();
  const voxels = new Uint32Array(start[count]!);
  for (let i = 0; i < labels.length; i++) {
    if (labels[i]! > 0) voxels[next[labels[i]! - 1]!++] = first * area + i;
  }
  return { count, start, voxels };
}
