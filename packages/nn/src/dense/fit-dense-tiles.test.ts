import { describe, expect, test } from 'vitest';
import { peakBytes } from '../analysis/peak-memory.ts';
import { input } from '../graph/tensor.ts';
import { scopeOf } from '../layers/scope.ts';
import { patchCnn } from '../models/patch-cnn.ts';
import { resnet } from '../models/resnet.ts';
import { vgg } from '../models/vgg.ts';
import { denseNetwork } from './dense-network.ts';
import { denseTiles, tileContext } from './dense-tiles.ts';
import { fitDenseTiles } from './fit-dense-tiles.ts';

const small = patchCnn({ inputChannels: 1, classes: 2, baseChannels: 4 });
const slice = { imageSize: [320, 256], patchSize: [65, 65] };

describe('passes', () => {
  test.each([1, 2, 4, 8])('a power of two, %i, takes one', (outputStride) => {
    expect(fitDenseTiles(small, { ...slice, outputStride, mostBytes: 1e9 })).toEqual(
      denseTiles({ ...slice, outputStride }),
    );
  });

  test('stride 7: one pass where its maps at full size fit, shifted passes where they do not', () => {
    const windows = { ...slice, outputStride: 7 };
    expect(fitDenseTiles(small, { ...windows, mostBytes: 1e9 })).toMatchObject({ passStride: 7 });
    expect(fitDenseTiles(small, { ...windows, mostBytes: 3e6 })).toMatchObject({ passStride: 2 });
  });

  test('stride 7 of VGG16 within 800 MB: 16 passes at stride 4', () => {
    const windows = { imageSize: [768, 768], patchSize: [257, 257], outputStride: 7 };
    const network = vgg({ depth: 16, classes: 2, head: 'pooled' });
    const tiles = fitDenseTiles(network, { ...windows, mostBytes: 8e8 });
    expect(tiles.passStride).toBe(4);
    expect(tiles.tiles).toHaveLength(16);
    expect(tiles.positions).toEqual([74, 74]);
  });
});

describe('memory', () => {
  const bytes = (network: typeof small, outputStride: number, size: readonly number[]) => {
    const scope = scopeOf({
      parameter: (name, { shape }) => input(name, shape),
      batchNorm: (_, x) => x,
      dropout: (_, x) => x,
    });
    const image = input('image', [1, 1, ...size]);
    const dense = denseNetwork(network, { patchSize: slice.patchSize, outputStride });
    return peakBytes([dense.forward(scope, image)], image);
  };

  test('tiles shrink with it, and are one where all fits', () => {
    const windows = { ...slice, outputStride: 4 };
    expect(fitDenseTiles(small, { ...windows, mostBytes: 1e9 })).toEqual(denseTiles(windows));
    let before = 1;
    for (const mostBytes of [1e6, 4e5, 2e5]) {
      const { tiles, tileSize } = fitDenseTiles(small, { ...windows, mostBytes });
      expect(bytes(small, 4, tileSize)).toBeLessThanOrEqual(mostBytes);
      expect(tiles.length).toBeGreaterThan(before);
      before = tiles.length;
    }
    const { tileSize, tiles, positions } = fitDenseTiles(small, { ...windows, passStride: 4, mostBytes: 1 });
    // Aligned so that the last tile ends where the image does.
    expect(tileSize).toEqual([68, 68]);
    expect(tiles).toHaveLength(positions[0]! * positions[1]!);
  });

  test('tiles of a network that pads have the pixels around their windows', () => {
    const network = resnet({ depth: 18, classes: 2, inputChannels: 1, stages: 1 });
    const { before, after } = tileContext(network, { patchSize: slice.patchSize, outputStride: 4 });
    expect(Math.min(...before, ...after)).toBeGreaterThan(0);
    const whole = bytes(network, 4, slice.imageSize);
    const { tiles, tileSize } = fitDenseTiles(network, { ...slice, outputStride: 4, mostBytes: whole / 3 });
    expect(tiles.length).toBeGreaterThan(2);
    const inner = tiles.find(({ begin }) => begin[0]! > 0)!;
    const first = inner.windows[0]![0]!;
    expect(first.from * 4).toBeGreaterThanOrEqual(before[0]!);
    expect(tileSize[0]! - (inner.windows[0]!.at(-1)!.from * 4 + 65)).toBeGreaterThanOrEqual(after[0]! - 4);
  });

  test('where tiles would be mostly context, passes at a larger stride are cheaper', () => {
    const windows = { imageSize: [768, 768], patchSize: [257, 257], outputStride: 4, mostBytes: 8e8 };
    const { passStride, tiles } = fitDenseTiles(resnet({ depth: 50, classes: 2 }), windows);
    expect([passStride, tiles.length]).toEqual([8, 4]);
  });
});
