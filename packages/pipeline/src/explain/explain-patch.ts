import type { TaskControl } from '@glisson/imaging/progress/progress';
import type { Volume } from '@glisson/imaging/volume/volume';
import { gradCam } from '@glisson/nn/analysis/grad-cam';
import { occlude } from '@glisson/nn/analysis/occlusion';
import { spreadMap } from '@glisson/nn/analysis/spread-map';
import { NetworkError } from '@glisson/nn/errors/network-error';
import { createPredictor } from '@glisson/nn/runtime/predictor';
import { exportModel } from '@glisson/nn/training/export-model';
import { namedWeights } from '@glisson/nn/training/named-weights';
import { PipelineError } from '../errors/pipeline-error.ts';
import { sliceIndex } from '../measure/slice-number.ts';
import { cutPatch } from '../patches/cut-patch.ts';
import { patchNetwork } from '../patches/patch-network.ts';
import type { PatchModel } from '../predict/loaded-model.ts';
import { parseModel } from '../predict/model-files.ts';
import { openModelScan } from './model-scan.ts';

export const heatMethods = ['occlusion', 'grad-cam'] as const;
export type HeatMethod = (typeof heatMethods)[number];

export interface ExplainPatchOptions {
  /** The middle of the patch in the radiological view of the slice: x from the left, y from the top, from 0. */
  readonly at: readonly [number, number];
  /** Number from 1, as in reports. */
  readonly slice: number;
  readonly method: HeatMethod;
  /** Side of what covers, of occlusion; default: an eighth of the patch. It moves by half of that. */
  readonly cover?: number;
  readonly threads?: number;
}

/** A grey picture, row by row. */
export interface GreyPicture {
  readonly width: number;
  readonly height: number;
  readonly grey: Uint8Array;
}

/** One patch, what the classifier says of it, and where that comes from. */
export interface PatchExplanation {
  readonly slice: number;
  readonly at: readonly [number, number];
  readonly method: HeatMethod;
  /** That the middle pixel is lesion, patch by patch. */
  readonly probability: number;
  /** From which on the plan says lesion. */
  readonly threshold: number;
  /** Side of the patch. */
  readonly side: number;
  /** The patch as the network gets it (its middle channel). */
  readonly patch: GreyPicture;
  /**
   * [side, side]. Occlusion: by how much covering a pixel lowers the probability, mean of the covers that hide it.
   * Grad-CAM: how much a place speaks for lesion, 0 or more, in units of the network's own.
   */
  readonly heat: Float32Array;
  readonly range: { readonly lowest: number; readonly highest: number };
  /** Pixel of the patch with the highest value. */
  readonly hottest: readonly [number, number];
  /** Of occlusion: side of the cover and how many there were. */
  readonly covers?: { readonly side: number; readonly count: number };
  /** Of Grad-CAM: positions of the maps it was taken from. */
  readonly positions?: readonly number[];
  /** The cropped slice as the network gets it, and the patch's middle on it. */
  readonly context: GreyPicture & { readonly middle: readonly [number, number] };
}

const lesion = 1;

/**
 * A heat map of one patch: covers parts of it, or asks the network's last maps.
 * @param labels of the liver, on the volume's grid, if the model crops to it
 * @throws PipelineError `option-invalid` for a slice or pixel that is not there, a pixel outside of the crop, a cover that
 * is none, and a network that has no maps
 */
export async function explainPatch(
  volume: Volume,
  model: PatchModel,
  options: ExplainPatchOptions,
  labels: Parameters<typeof openModelScan>[2],
  control: TaskControl = {},
): Promise<PatchExplanation> {
  const { plan, onnx, path } = model;
  const { slice, at, method, threads } = options;
  const depth = volume.geometry.size[2];
  if (slice < 1 || slice > depth) {
    throw new PipelineError('option-invalid', 'The scan has no such slice.', {
      found: `slice ${slice}`,
      expected: `1 to ${depth}`,
    });
  }
  const side = plan.training.patchSize;
  const cover = options.cover ?? Math.max(1, Math.round(side / 8));
  if (cover > side) {
    throw new PipelineError('option-invalid', 'The cover is larger than the patch.', {
      found: `${cover} pixels`,
      expected: `1 to ${side}`,
    });
  }
  const { scan, geometry, view } = openModelScan(volume, model, labels, control);
  const { crop } = scan;
  if (!(at[0] >= 0 && at[1] >= 0 && at[0] < view.width && at[1] < view.height)) {
    throw new PipelineError('option-invalid', 'The slice has no such pixel.', {
      found: `${at.join(', ')}`,
      expected: `x from 0 to ${view.width - 1} and y from 0 to ${view.height - 1}, from the upper left corner`,
    });
  }
  const middle: [number, number] = [
    Math.floor(((at[0] + 0.5) * geometry.size[0]) / view.width) - crop.x,
    Math.floor(((at[1] + 0.5) * geometry.size[1]) / view.height) - crop.y,
  ];
  if (!(middle[0] >= 0 && middle[1] >= 0 && middle[0] < crop.width && middle[1] < crop.height)) {
    throw new PipelineError('option-invalid', 'The pixel lies outside of what the model looks at.', {
      found: `${at.join(', ')}`,
      expected: `a pixel in the rectangle of the ${plan.preprocess.crop}: ${crop.width} x ${crop.height} pixels from ${crop.x}, ${crop.y}${geometry.size[0] === view.width ? '' : ' of the resampled slice'}`,
    });
  }

  const k = sliceIndex(geometry, slice);
  const data = scan.channels(k);
  const network = patchNetwork(plan.network);
  const channels = network.inputChannels;
  const patch = new Float32Array(channels * side * side);
  cutPatch({ data, width: crop.width, height: crop.height, padding: scan.padding }, middle, side, patch, 0);
  const weights = parseModel(path, onnx, namedWeights);
  const size = [side, side];
  const engine = {
    ...(threads !== undefined && { threads }),
    ...(control.signal !== undefined && { signal: control.signal }),
  };

  const measured = await (method === 'occlusion' ? byOcclusion() : byGradCam());
  const { heat } = measured;
  const highest = heat.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  const hottest = heat.indexOf(highest);
  // What neighbours add is left out of the picture: the middle channel is the slice itself.
  const shown = plan.preprocess.channels.source === 'neighbours' ? (channels - 1) / 2 : 0;
  const grey = (values: Float32Array, width: number, height: number): GreyPicture => ({
    width,
    height,
    grey: Uint8Array.from(values.subarray(shown * width * height, (shown + 1) * width * height), (value) =>
      Math.round(255 * Math.min(1, Math.max(0, value * plan.preprocess.sd + plan.preprocess.mean))),
    ),
  });
  return {
    slice,
    at,
    method,
    threshold: plan.postprocess.lesionThreshold,
    side,
    patch: grey(patch, side, side),
    ...measured,
    range: {
      lowest: heat.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY),
      highest,
    },
    hottest: [hottest % side, Math.floor(hottest / side)],
    context: { ...grey(data, crop.width, crop.height), middle },
  };

  async function byOcclusion() {
    const imageShape = [1, channels, side, side];
    const predictor = await createPredictor(exportModel({ network, weights, imageShape }), engine);
    try {
      const found = await occlude(
        patch,
        size,
        {
          classIndex: lesion,
          cover: [cover, cover],
          step: [Math.ceil(cover / 2), Math.ceil(cover / 2)],
          // The plan's mean grey.
          fill: 0,
          batchSize: plan.inference.batchSize,
          onProgress: (done, total) => {
            control.signal?.throwIfAborted();
            control.onProgress?.({ stage: 'cover', done, total, unit: 'patches' });
          },
        },
        (images, dims) => predictor.run(images, dims),
      );
      return {
        probability: found.probability,
        heat: found.drops,
        covers: { side: cover, count: found.covers.length },
      };
    } finally {
      await predictor.close();
    }
  }

  async function byGradCam() {
    try {
      const found = await gradCam(network, weights, patch, size, { classIndex: lesion, ...engine });
      return {
        probability: found.probabilities[lesion]!,
        heat: spreadMap(found.values, found.centres, size),
        positions: found.size,
      };
    } catch (error) {
      if (!(error instanceof NetworkError && error.code === 'unsupported')) throw error;
      throw new PipelineError('option-invalid', 'Grad-CAM cannot look into this network.', {
        found: error.message,
        advice: 'Use --method occlusion, which works with any classifier.',
        cause: error,
      });
    }
  }
}

/** What is said about a patch in numbers. */
export function patchFacts(explained: PatchExplanation) {
  const { heat: _, patch: __, context: ___, ...facts } = explained;
  return facts;
}
