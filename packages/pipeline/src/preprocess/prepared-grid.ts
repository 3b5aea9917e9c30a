import { type Geometry, indexToWorld, type Vec3 } from '@glisson/imaging/geometry/geometry';
import { PipelineError } from '../errors/pipeline-error.ts';

/** Which pixels the network sees; null: the scan's own. */
export interface GridPlan {
  readonly spacingMm: readonly [number, number] | null;
}

/** Voxels of the largest prepared scan, 2 GB as int16: a body of 0.7 m by 2 m in 1 mm slices and pixels. */
const mostVoxels = 2 ** 30;

/**
 * The grid on which the network sees a scan: the in-plane spacing of the plan, the scan's own slices, directions
 * and centre. The field of view is kept up to half a voxel, since sizes are whole.
 * @param lpsGeometry the scan's grid with its axes in LPS order
 * @throws PipelineError `data-invalid` when that would be a grid beyond any scanner's
 */
export function preparedGeometry(lpsGeometry: Geometry, plan: GridPlan): Geometry {
  const { size, spacing, direction } = lpsGeometry;
  const wanted = plan.spacingMm ?? spacing;
  const newSpacing: Vec3 = [wanted[0], wanted[1], spacing[2]];
  const newSize: Vec3 = [
    Math.max(1, Math.round((size[0] * spacing[0]) / newSpacing[0])),
    Math.max(1, Math.round((size[1] * spacing[1]) / newSpacing[1])),
    size[2],
  ];
  if (newSize[0] * newSize[1] * newSize[2] > mostVoxels) {
    throw new PipelineError('data-invalid', 'The scan is too large to be prepared for the network.', {
      found: `a field of view of ${Math.round(size[0] * spacing[0])} x ${Math.round(size[1] * spacing[1])} mm, ${size[2]} slices`,
      expected: `at most ${mostVoxels} voxels at ${newSpacing[0]} x ${newSpacing[1]} mm`,
      advice: 'Check the spacing that the file states, or cut the scan to the abdomen.',
    });
  }
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
