import type { Geometry } from '@glisson/imaging/geometry/geometry';
import type { ForeignChannel, ForeignPlan } from '../../plan/foreign-plan.ts';
import type { PreparedVolume, PreparePlan } from '../../preprocess/prepare-volume.ts';
import type { SliceNetwork } from '../slice-network.ts';
import type { ModelPorts } from './check-model.ts';

/**
 * How a scan is prepared for a foreign network: clipped to a range that holds the windows of all channels, and
 * resampled to the plan's pixels.
 * @param lpsGeometry the scan's grid with its axes in LPS order
 */
export function foreignPreparation({ input }: ForeignPlan, lpsGeometry: Geometry): PreparePlan {
  const { channels, spacingMm, sliceSizePx } = input;
  const { size, spacing } = lpsGeometry;
  return {
    windowHU: [
      Math.min(...channels.map(({ windowHU }) => windowHU[0])),
      Math.max(...channels.map(({ windowHU }) => windowHU[1])),
    ],
    spacingMm:
      spacingMm ??
      (sliceSizePx === null
        ? [spacing[0], spacing[1]]
        : [(size[0] * spacing[0]) / sliceSizePx[0], (size[1] * spacing[1]) / sliceSizePx[1]]),
  };
}

/** A foreign network in our terms: liver and lesion are the two channels that `openForeignPredictor` gives. */
export function foreignNetwork(plan: ForeignPlan, { mostTiles }: ModelPorts): SliceNetwork {
  const { input, tile } = plan;
  const normalise = input.channels.map(normalisation);
  return {
    channels: input.channels.length,
    writeChannels: (prepared, k, out) => {
      const area = prepared.geometry.size[0] * prepared.geometry.size[1];
      for (const [c, { sliceOffset }] of input.channels.entries()) {
        const from = offsetSlice(prepared, k, sliceOffset, input.sliceSpacingMm) * area;
        const value = normalise[c]!;
        const to = c * area;
        for (let i = 0; i < area; i++) out[to + i] = value(prepared.voxels[from + i]!);
      }
    },
    padding: input.channels.map(({ windowHU }, c) => normalise[c]!(windowHU[0])),
    airHU: Math.min(...input.channels.map(({ windowHU }) => windowHU[0])),
    tileSize: tile.size,
    tileUnit: tile.multipleOf,
    overlap: tile.overlap,
    mirror: tile.mirror,
    classes: { classes: 2, liver: 0, lesion: 1 },
    ...(mostTiles !== undefined && { mostTiles }),
  };
}

/** From HU to what a channel holds. */
function normalisation({ windowHU, scaleTo, mean, sd }: ForeignChannel): (hu: number) => number {
  const [low, high] = windowHU;
  const clip = (hu: number) => Math.min(Math.max(hu, low), high);
  if (scaleTo === null) return (hu) => (clip(hu) - mean) / sd;
  const [first, last] = scaleTo;
  const factor = (last - first) / (high - low);
  return (hu) => (first + (clip(hu) - low) * factor - mean) / sd;
}

/** The slice `offset` steps from k toward the head; beyond the ends of the scan the last one. */
function offsetSlice(
  { geometry }: PreparedVolume,
  k: number,
  offset: number,
  sliceSpacingMm: number | null,
): number {
  const step = sliceSpacingMm === null ? 1 : Math.max(1, Math.round(sliceSpacingMm / geometry.spacing[2]));
  return Math.min(Math.max(k + offset * step, 0), geometry.size[2] - 1);
}
