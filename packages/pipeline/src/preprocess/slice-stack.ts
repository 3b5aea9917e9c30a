import type { Geometry } from '@glisson/imaging/geometry/geometry';
import type { PreprocessPlan } from '../plan/plan.ts';
import type { PreparedVolume } from './prepare-volume.ts';

export type StackPlan = Pick<PreprocessPlan, 'contextSlices' | 'contextSpacingMm' | 'meanHU' | 'sdHU'>;

/** Channels of the network's input: the slice itself and its context on both sides. */
export function channelCount(plan: Pick<PreprocessPlan, 'contextSlices'>): number {
  return 2 * plan.contextSlices + 1;
}

/**
 * The slices that make up the channels of slice k, from inferior to superior; the slice itself is in the middle.
 * Context lies `contextSpacingMm` apart as nearly as whole slices allow, at least one slice; beyond the ends of
 * the scan the last slice repeats. So thin and thick slices show the network about the same stretch of body.
 */
export function contextSliceIndices(
  geometry: Pick<Geometry, 'size' | 'spacing'>,
  k: number,
  plan: Pick<PreprocessPlan, 'contextSlices' | 'contextSpacingMm'>,
): number[] {
  const step = Math.max(1, Math.round(plan.contextSpacingMm / geometry.spacing[2]));
  const last = geometry.size[2] - 1;
  const indices: number[] = [];
  for (let c = -plan.contextSlices; c <= plan.contextSlices; c++) {
    indices.push(Math.min(Math.max(k + c * step, 0), last));
  }
  return indices;
}

/**
 * Writes the normalised channels of slice k, [channel, y, x], into `out` from `offset` on:
 * (hu - meanHU) / sdHU. The channels are whole slices of the prepared grid.
 */
export function writeSliceChannels(
  prepared: Pick<PreparedVolume, 'geometry' | 'voxels'>,
  k: number,
  plan: StackPlan,
  out: Float32Array,
  offset: number,
): void {
  const area = prepared.geometry.size[0] * prepared.geometry.size[1];
  for (const slice of contextSliceIndices(prepared.geometry, k, plan)) {
    const from = slice * area;
    for (let i = 0; i < area; i++) out[offset + i] = (prepared.voxels[from + i]! - plan.meanHU) / plan.sdHU;
    offset += area;
  }
}
