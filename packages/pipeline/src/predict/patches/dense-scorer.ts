import { denseNetwork } from '@glisson/nn/dense/dense-network';
import { type DenseTile, type DenseTiles, runDenseTiles } from '@glisson/nn/dense/dense-tiles';
import { fitDenseTiles } from '@glisson/nn/dense/fit-dense-tiles';
import type { Network } from '@glisson/nn/models/network';
import { createPredictor, type Predictor, type PredictorOptions } from '@glisson/nn/runtime/predictor';
import { exportModel } from '@glisson/nn/training/export-model';
import type { Weights } from '@glisson/nn/training/weights';
import { cutRectangle } from '../../patches/cut-patch.ts';
import type { WindowScorer } from './window-scorer.ts';

interface Opened {
  /** Of which grid. */
  readonly key: string;
  readonly predictor: Predictor;
  readonly tiles: DenseTiles;
}

/**
 * Judges all windows of a tile in one pass: the classifier as a fully convolutional network at the output stride, or at a
 * power of two below it, in passes shifted by some pixels, where that is cheaper. Tiles cover the padded slice; those
 * without a wanted window are left out. The network is opened for the first slice, and anew where slices have another size.
 */
export function denseScorer(
  network: Network,
  weights: Weights,
  mostBytes: number,
  options: PredictorOptions,
): WindowScorer {
  let opened: Opened | undefined;

  const open = async (side: number, outputStride: number, imageSize: readonly number[]): Promise<Opened> => {
    const key = [side, outputStride, ...imageSize].join();
    if (opened?.key === key) return opened;
    await opened?.predictor.close();
    opened = undefined;
    const patchSize = [side, side];
    const tiles = fitDenseTiles(network, { imageSize, patchSize, outputStride, mostBytes });
    const model = exportModel({
      network: denseNetwork(network, { patchSize, outputStride: tiles.passStride }),
      weights,
      imageShape: [1, network.inputChannels, ...tiles.tileSize],
      size: tiles.tileSize,
    });
    opened = { key, tiles, predictor: await createPredictor(model, options) };
    return opened;
  };

  return {
    mode: 'dense',
    close: async () => opened?.predictor.close(),
    score: async (image, { stride, columns, patchSize, half }, wanted) => {
      const scores = new Float32Array(wanted.length);
      if (!wanted.includes(1)) return scores;
      const [width, height] = [image.width + 2 * half, image.height + 2 * half];
      const { tiles, predictor } = await open(patchSize, stride, [height, width]);
      const padded = new Float32Array(network.inputChannels * width * height);
      cutRectangle(image, [-half, -half], [width, height], padded, 0);
      const isWanted = ({ windows: [rows, across] }: DenseTile) =>
        rows!.some((j) => across!.some((i) => wanted[j.to * columns + i.to] === 1));
      const run = (pixels: Float32Array, dims: readonly number[]) => predictor.run(pixels, dims);
      const lesion = (await runDenseTiles(tiles, padded, run, isWanted)).subarray(wanted.length);
      for (let w = 0; w < wanted.length; w++) if (wanted[w] === 1) scores[w] = lesion[w]!;
      return scores;
    },
  };
}
