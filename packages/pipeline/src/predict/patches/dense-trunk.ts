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
 * Keeps the maps of tiles by their content, up to a number of bytes; what is beyond goes through the trunk each time. A trunk is
 * opened when maps are missing, one at a time.
 * @param weights of the whole network: those of the trunk never change
 */
export function denseTrunk(
  weights: Weights,
  isHead: (parameter: string) => boolean,
  mostBytes: number,
): DenseTrunk {
  const heads = new Map<string, DenseHead | undefined>();
  const kept = new Map<string, Prediction>();
  let bytes = 0;
  let opened: { readonly key: string; readonly predictor: Predictor } | undefined;

  const close = async () => {
    const { predictor } = opened ?? {};
    opened = undefined;
    await predictor?.close();
  };
  const cut = (key: string, dense: Network, imageShape: readonly number[], options: PredictorOptions) => {
    const { trunk, head } = splitDense(dense, isHead, imageShape);
    const predictorOf = async () => {
      if (opened?.key === key) return opened.predictor;
      await close();
      const size = imageShape.slice(2);
      const model = exportModel({ network: trunk, weights, imageShape, size, activation: 'none' });
      opened = { key, predictor: await createPredictor(model, options) };
      return opened.predictor;
    };
    return {
      head,
      mapShape: outputShape(trunk, imageShape),
      mapsOf: async (pixels: Float32Array, dims: readonly number[]) => {
        const content = new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength);
        const name = `${key} ${createHash('sha1').update(content).digest('hex')}`;
        const known = kept.get(name);
        const maps = known ?? (await (await predictorOf()).run(pixels.slice(), dims));
        if (known === undefined && bytes + maps.data.byteLength <= mostBytes) {
          kept.set(name, maps);
          bytes += maps.data.byteLength;
        }
        return { data: Float32Array.from(maps.data), dims: maps.dims };
      },
    };
  };

  return {
    open: async (key, dense, imageShape, options) => {
      if (!heads.has(key)) {
        try {
          heads.set(key, cut(key, dense, imageShape, options));
        } catch (error) {
          if (!(error instanceof NetworkError && error.code === 'unsupported')) throw error;
          heads.set(key, undefined);
        }
      }
      return heads.get(key);
    },
    close,
  };
}
