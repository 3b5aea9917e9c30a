import type { Geometry } from '@glisson/imaging/geometry/geometry';

/** A labelled scan on its prepared grid, as training and validation use it. */
export interface PreparedCase {
  readonly id: string;
  readonly patient: string;
  readonly geometry: Geometry;
  /** Clipped HU of slice k, y * width + x. A view or a buffer that is valid until the next call. */
  image(k: number): Int16Array;
  /** Labels of slice k, likewise. */
  labels(k: number): Uint8Array;
  close(): void;
}

/** A case whose voxels lie in memory. Does not copy. */
export function caseInMemory(
  id: string,
  patient: string,
  geometry: Geometry,
  voxels: Int16Array,
  labels: Uint8Array,
): PreparedCase {
  const area = geometry.size[0] * geometry.size[1];
  return {
    id,
    patient,
    geometry,
    image: (k) => voxels.subarray(k * area, (k + 1) * area),
    labels: (k) => labels.subarray(k * area, (k + 1) * area),
    close: () => {},
  };
}
