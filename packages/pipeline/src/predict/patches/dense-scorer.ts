import { denseNetwork } from '@glisson/nn/dense/dense-network';
import type { Network } from '@glisson/nn/models/network';
import { createPredictor, type Predictor, type PredictorOptions } from '@glisson/nn/runtime/predictor';
import { exportModel } from '@glisson/nn/training/export-model';
import type { Weights } from '@glisson/nn/training/weights';
import { cutRectangle } from '../../patches/cut-patch.ts';
import { rectangleOfMask } from '../../patches/packed-mask.ts';
import type { WindowGrid } from '../../patches/window-grid.ts';
import { fitDenseTile, type TileWindows, tileFirsts, tileLength } from './dense-tiles.ts';
import type { WindowScorer } from './window-scorer.ts';

interface Opened {
  /** Of which grid. */
  readonly key: string;
  readonly predictor: Predictor;
  readonly tile: TileWindows;
}

/**
 * Judges all windows of a tile in one pass: the classifier as a fully convolutional network at the output stride. Tiles
 * cover the rectangle of the wanted windows; those without any are left out. The network is opened for the first slice,
 * and anew where slices have another size.
 */
export function denseScorer(
  network: Network,
  weights: Weights,
  mostBytes: number,
  options: PredictorOptions,
): WindowScorer {
  let opened: Opened | undefined;

  const open = async ({ patchSize, stride, columns, rows }: WindowGrid): Promise<Opened> => {
    const key = [patchSize, stride, columns, rows].join();
    if (opened?.key === key) return opened;
    await opened?.predictor.close();
    const tile = fitDenseTile(network, patchSize, stride, [columns, rows], mostBytes);
    const [width, height] = tile.map((windows) => tileLength(windows, patchSize, stride)) as [number, number];
    const model = exportModel({
      network: denseNetwork(network, { patchSize: [patchSize, patchSize], outputStride: stride }),
      weights,
      imageShape: [1, network.inputChannels, height, width],
      size: [height, width],
    });
    opened = { key, tile, predictor: await createPredictor(model, options) };
    return opened;
  };

  return {
    mode: 'dense',
    close: async () => opened?.predictor.close(),
    score: async (image, grid, wanted) => {
      const { stride, columns, rows, patchSize, half } = grid;
      const scores = new Float32Array(wanted.length);
      const box = rectangleOfMask([wanted], columns);
      if (box === undefined) return scores;
      const { tile, predictor } = await open(grid);
      const [width, height] = tile.map((windows) => tileLength(windows, patchSize, stride)) as [
        number,
        number,
      ];
      const channels = network.inputChannels;
      const lefts: number[] = tileFirsts(box.x, box.x + box.width - 1, tile[0]);
      const tops: number[] = tileFirsts(box.y, box.y + box.height - 1, tile[1]);
      for (const top of tops) {
        for (const left of lefts) {
          const right = Math.min(columns, left + tile[0]);
          const bottom = Math.min(rows, top + tile[1]);
          if (!holdsAny(wanted, columns, left, top, right, bottom)) continue;
          const pixels = new Float32Array(channels * width * height);
          cutRectangle(image, [left * stride - half, top * stride - half], [width, height], pixels, 0);
          const { data } = await predictor.run(pixels, [1, channels, height, width]);
          const lesion = data.subarray(tile[0] * tile[1]);
          for (let j = top; j < bottom; j++) {
            for (let i = left; i < right; i++) {
              const w = j * columns + i;
              if (wanted[w] === 1) scores[w] = lesion[(j - top) * tile[0] + i - left]!;
            }
          }
        }
      }
      return scores;
    },
  };
}

function holdsAny(
  mask: Uint8Array,
  width: number,
  left: number,
  top: number,
  right: number,
  bottom: number,
): boolean {
  for (let y = top; y < bottom; y++) {
    if (mask.subarray(y * width + left, y * width + right).includes(1)) return true;
  }
  return false;
}
