import { type Geometry, indexToWorld, type Vec3 } from '@glisson/imaging/geometry/geometry';
import type { PreprocessPlan } from '../plan/plan.ts';

/**
 * The grid on which the network sees a scan: the in-plane spacing of the plan, the scan's own slices, directions
 * and centre. The field of view is kept up to half a voxel, since sizes are whole.
 * @param lpsGeometry the scan's grid with its axes in LPS order
 */
export function preparedGeometry(lpsGeometry: Geometry, plan: Pick<PreprocessPlan, 'spacingMm'>): Geometry {
  const { size, spacing, direction } = lpsGeometry;
  const newSpacing: Vec3 = [plan.spacingMm[0], plan.spacingMm[1], spacing[2]];
  const newSize: Vec3 = [
    Math.max(1, Math.round((size[0] * spacing[0]) / newSpacing[0])),
    Math.max(1, Math.round((size[1] * spacing[1]) / newSpacing[1])),
    size[2],
  ];
  const shift = (axis: 0 | 1) => {
    const step = newSpacing[axis] / spacing[axis];
    return (size[axis] - 1) / 2 - ((newSize[axis] - 1) / 2) * step;
  };
  return {
    size: newSize,
    spacing: newSpacing,
    origin: indexToWorld(lpsGeometry, [shift(0), shift(1), 0]),
    direction,
  };
}
