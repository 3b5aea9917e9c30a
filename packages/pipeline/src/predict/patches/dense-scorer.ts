import { denseNetwork } from '@glisson/nn/dense/dense-network';
import { type DenseTile, type DenseTiles, type RunTile, runDenseTiles } from '@glisson/nn/dense/dense-tiles';
import { fitDenseTiles } from '@glisson/nn/dense/fit-dense-tiles';
import type { Network } from '@glisson/nn/models/network';
import { createPredictor, type Predictor, type PredictorOptions } from '@glisson/nn/runtime/predictor';
import { exportModel } from '@glisson/nn/training/export-model';
import type { Weights } from '@glisson/nn/training/weights';
import { cutRectangle } from '../../patches/cut-patch.ts';
import type { DenseTrunk } from './dense-trunk.ts';
import type { WindowScorer } from './window-scorer.ts';

interface Opened {
  /** Of which grid. */
  readonly key: string;
  readonly predictor: Predictor;
  readonly tiles: DenseTiles;
  /** Scores of a tile. */
  readonly run: RunTile;
}

/**
 * Judges all windows of a tile in one pass: the classifier as a fully convolutional network at the output stride, or at a
 * power of two below it, in passes shifted by some pixels, where that is cheaper. Tiles cover the padded slice; those
 * without a wanted window are left out. The network is opened for the first slice, and anew where slices have another size.
 * @param trunk keeps what layers that never change make of tiles; stays open
 */
export function denseScorer(
  network: Network,
  weights: Weights,
  mostBytes: number,
  options: PredictorOptions,
  trunk?: DenseTrunk,
): WindowScorer {
  let opened: Opened | undefined;

  const open = async (side: number, outputStride: number, imageSize: readonly number[]): Promise<Opened> => {
    const key = [side, outputStride, ...imageSize].join();
    if (opened?.key === key) return opened;
    await opened?.predictor.close();
    opened = undefined;
    const patchSize = [side, side];
    const tiles = fitDenseTiles(network, { imageSize, patchSize, outputStride, mostBytes });
    const dense = denseNetwork(network, { patchSize, outputStride: tiles.passStride });
    const imageShape = [1, network.inputChannels, ...tiles.tileSize];
    const cut = await trunk?.open(key, dense, imageShape, options);
    const model = exportModel({
      network: cut?.head ?? dense,
      weights,
      imageShape: cut?.mapShape ?? imageShape,
      size: (cut?.mapShape ?? imageShape).slice(2),
    });
    const predictor = await createPredictor(model, options);
    const run: RunTile =
      cut === undefined
        ? (pixels, dims) => predictor.run(pixels, dims)
        : async (pixels, dims) => {
            const maps = await cut.mapsOf(pixels, dims);
            return predictor.run(maps.data, maps.dims);
          };
    opened = { key, tiles, predictor, run };
    return opened;
  };

  return {
    mode: 'dense',
    close: async () => opened?.predictor.close(),
    score: async (image, { stride, columns, patchSize, half }, wanted) => {
      const scores = new Float32Array(wanted.length);
      if (!wanted.includes(1)) return scores;
      const [width, height] = [image.width + 2 * half, image.height + 2 * half];
      const { tiles, run } = await open(patchSize, stride, [height, width]);
      const padded = new Float32Array(network.inputChannels * width * height);
      cutRectangle(image, [-half, -half], [width, height], padded, 0);
      const isWanted = ({ windows: [rows, across] }: DenseTile) =>
        rows!.some((j) => across!.some((i) => wanted[j.to * columns + i.to] === 1));
      const lesion = (await runDenseTiles(tiles, padded, run, isWanted)).subarray(wanted.length);
      for (let w = 0; w < wanted.length; w++) if (wanted[w] === 1) scores[w] = lesion[w]!;
      return scores;
    },
  };
}
