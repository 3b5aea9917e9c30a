import { createHash } from 'node:crypto';
import { splitDense } from '@glisson/nn/dense/split-dense';
import { NetworkError } from '@glisson/nn/errors/network-error';
import { type Network, outputShape } from '@glisson/nn/models/network';
import {
  createPredictor,
  type Prediction,
  type Predictor,
  type PredictorOptions,
} from '@glisson/nn/runtime/predictor';
import { exportModel } from '@glisson/nn/training/export-model';
import type { Weights } from '@glisson/nn/training/weights';

/** What frozen layers make of the tiles of slices, kept while the layers after them learn. */
export interface DenseTrunk {
  /**
   * The layers after the trunk of a dense network for tiles of one size; undefined where it cannot be cut there.
   * @param key says which dense network and size it is
   */
  open(
    key: string,
    dense: Network,
    imageShape: readonly number[],
    options: PredictorOptions,
  ): Promise<DenseHead | undefined>;
  close(): Promise<void>;
}

export interface DenseHead {
  readonly head: Network;
  /** Of what it takes, [1, C, ...S]. */
  readonly mapShape: readonly number[];
  /** Maps of a tile, to be given away; its pixels are not changed. */
  mapsOf(pixels: Float32Array, dims: readonly number[]): Promise<Prediction>;
}

/**
 * Keeps the maps of tiles by their content, up to a number of bytes; what is beyond goes through the trunk each time. One trunk is
 * open at a time.
 * @param weights of the whole network: those of the trunk never change
 */
export function denseTrunk(
  weights: Weights,
  isHead: (parameter: string) => boolean,
  mostBytes: number,
): DenseTrunk {
  let opened: { readonly key: string; readonly predictor: Predictor; readonly of: DenseHead } | undefined;

  const openTrunk = async (
    key: string,
    trunk: Network,
    head: Network,
    imageShape: readonly number[],
    options: PredictorOptions,
  ) => {
    const model = exportModel({
      network: trunk,
      weights,
      imageShape,
      size: imageShape.slice(2),
      activation: 'none',
    });
    const predictor = await createPredictor(model, options);
    const kept = new Map<string, Prediction>();
    let bytes = 0;
    const of: DenseHead = {
      head,
      mapShape: outputShape(trunk, imageShape),
      mapsOf: async (pixels, dims) => {
        const content = new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength);
        const name = createHash('sha1').update(content).digest('hex');
        const maps = kept.get(name) ?? (await predictor.run(pixels.slice(), dims));
        if (!kept.has(name) && bytes + maps.data.byteLength <= mostBytes) {
          kept.set(name, maps);
          bytes += maps.data.byteLength;
        }
        return { data: Float32Array.from(maps.data), dims: maps.dims };
      },
    };
    return { key, predictor, of };
  };

  return {
    open: async (key, dense, imageShape, options) => {
      if (opened?.key === key) return opened.of;
      await opened?.predictor.close();
      opened = undefined;
      try {
        const { trunk, head } = splitDense(dense, isHead, imageShape);
        opened = await openTrunk(key, trunk, head, imageShape, options);
        return opened.of;
      } catch (error) {
        if (error instanceof NetworkError && error.code === 'unsupported') return undefined;
        throw error;
      }
    },
    close: async () => {
      await opened?.predictor.close();
      opened = undefined;
    },
  };
}
