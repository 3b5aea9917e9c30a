import { PipelineError } from '../errors/pipeline-error.ts';
import type { Plan } from '../plan/plan.ts';
import type { PreparedVolume } from '../preprocess/prepare-volume.ts';
import { channelCount, writeSliceChannels } from '../preprocess/slice-stack.ts';
import type { ClassIndices } from './slice-stitcher.ts';

/** How a network sees a prepared scan, slice by slice. */
export interface SliceNetwork {
  readonly channels: number;
  /** Writes the channels of slice k, [channel, y, x], whole slices of the prepared grid. */
  writeChannels(prepared: PreparedVolume, k: number, out: Float32Array): void;
  /** What stands for pixels outside of the slice, a number for each channel. */
  readonly padding: readonly number[];
  /** Prepared voxels up to this are air: where there is nothing else, the network is not asked. */
  readonly airHU: number;
  /** Wanted tile [x, y] in pixels of the prepared grid. */
  readonly tileSize: readonly [number, number];
  /** Other sizes must be multiples of this; null: there are none. */
  readonly tileUnit: number | null;
  /** Overlap of neighbouring tiles as a share of the tile. */
  readonly overlap: number;
  /** Whether the left-right mirrored slice is predicted, too. */
  readonly mirror: boolean;
  /** Most tiles that may be given at once; absent: as many as memory suggests. */
  readonly mostTiles?: number;
  readonly classes: ClassIndices;
}

/** The network of a Glisson model, as its plan says. */
export function plannedNetwork(plan: Plan): SliceNetwork {
  const { preprocess, network, inference } = plan;
  const channels = channelCount(preprocess);
  const padding = (preprocess.windowHU[0] - preprocess.meanHU) / preprocess.sdHU;
  return {
    channels,
    writeChannels: (prepared, k, out) => writeSliceChannels(prepared, k, preprocess, out, 0),
    padding: new Array<number>(channels).fill(padding),
    airHU: preprocess.windowHU[0],
    tileSize: inference.tileSize,
    tileUnit: 2 ** (network.levels - 1),
    overlap: inference.overlap,
    mirror: inference.mirror,
    classes: classIndices(plan),
  };
}

function classIndices({ network, labels }: Plan): ClassIndices {
  const find = (name: string): number => {
    const value = labels.find((entry) => entry.name === name)?.value;
    if (value !== undefined && value < network.classes) return value;
    throw new PipelineError('model-invalid', `The model does not know the label "${name}".`, {
      found: `labels ${labels.map((entry) => `${entry.value} ${entry.name}`).join(', ')}; ${network.classes} classes`,
      expected: '0 background, 1 liver, 2 lesion',
    });
  };
  return { classes: network.classes, liver: find('liver'), lesion: find('lesion') };
}
