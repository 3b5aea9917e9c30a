import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sizeOf } from '../graph/shape.ts';
import { relu } from '../layers/activation.ts';
import { conv } from '../layers/convolution.ts';
import { chain, sequential } from '../layers/layer.ts';
import { linear } from '../layers/linear.ts';
import { flatten, globalAveragePool, maxPool } from '../layers/pooling.ts';
import { defineNetwork, type Network } from '../models/network.ts';
import { testRandom } from '../testing/numbers.ts';
import { declarationsOf } from '../training/declarations.ts';
import { evaluateNetwork } from '../training/evaluate-network.ts';
import { initialWeights } from '../training/initialise.ts';
import { denseNetwork } from './dense-network.ts';
import { type DenseTilesOptions, denseTiles, runDenseTiles, tileContext } from './dense-tiles.ts';

const channels = 2;

function small(padding: 'same' | 'valid'): Network {
  const step = (width: number) => chain(conv(width, { kernel: 3, padding }), relu);
  const body = [step(3), maxPool({ kernel: 2 }), step(4), maxPool({ kernel: 2 }), step(4)];
  return defineNetwork(
    {
      name: `small ${padding}`,
      task: 'classification',
      inputChannels: channels,
      classes: 3,
      smallestSize: [18, 18],
      divisor: 1,
    },
    sequential([...body, globalAveragePool, flatten, linear(3)]),
  );
}

const random = testRandom(3);

/** Scores of all windows, in tiles and by one pass at the wanted stride; in float64, rounded once. */
async function bothWays(network: Network, options: DenseTilesOptions) {
  const { imageSize, patchSize, outputStride } = options;
  const weights = initialWeights(network, declarationsOf(network, [1, channels, ...patchSize]), { random });
  const image = Float32Array.from({ length: channels * sizeOf(imageSize) }, () => random.normal());
  const plan = denseTiles(options);
  const tiled = denseNetwork(network, { patchSize, outputStride: plan.passStride });
  const sizes = new Set<string>();
  const scores = await runDenseTiles(plan, image, async (pixels, dims) => {
    sizes.add(dims.join());
    const data = evaluateNetwork(tiled, weights, pixels, dims, 'none');
    const windows = plan.tileSize.map((length, axis) =>
      Math.floor((length - patchSize[axis]!) / plan.passStride + 1),
    );
    return { data, dims: [1, 3, ...windows] };
  });
  const untiled = denseNetwork(network, { patchSize, outputStride });
  const expected = evaluateNetwork(untiled, weights, image, [1, channels, ...imageSize], 'none');
  expect(sizes.size).toBe(1);
  return { plan, scores, expected: Float32Array.from(expected) };
}

function expectClose(found: Float32Array, expected: Float32Array): void {
  expect(found.length).toBe(expected.length);
  for (const [at, value] of expected.entries()) expect(Math.abs(found[at]! - value)).toBeLessThan(1e-6);
}

describe('without padding, tiles and passes give what one pass gives', () => {
  test.each([
    { imageSize: [40, 37], patchSize: [18, 19], outputStride: 4, windowsPerTile: [2, 3] },
    { imageSize: [41, 50], patchSize: [20, 18], outputStride: 2, windowsPerTile: [5, 1] },
    { imageSize: [47, 46], patchSize: [18, 18], outputStride: 7, passStride: 4 },
    { imageSize: [47, 46], patchSize: [19, 18], outputStride: 7, passStride: 4, windowsPerTile: [3, 2] },
    { imageSize: [45, 40], patchSize: [18, 18], outputStride: 6, passStride: 4 },
    { imageSize: [18, 30], patchSize: [18, 18], outputStride: 3, passStride: 2 },
  ])('$imageSize, stride $outputStride by $passStride, tiles of $windowsPerTile', async (options) => {
    const { plan, scores, expected } = await bothWays(small('valid'), options);
    expectClose(scores, expected);
    const owned = plan.tiles.reduce(
      (sum, { windows }) => sum + sizeOf(windows.map(({ length }) => length)),
      0,
    );
    expect(owned).toBe(sizeOf(plan.positions));
  });

  test('any sizes', async () => {
    const pair = (min: number, max: number) => fc.tuple(fc.integer({ min, max }), fc.integer({ min, max }));
    const settings = fc.record({
      patchSize: pair(18, 21),
      rest: pair(0, 14),
      outputStride: fc.integer({ min: 1, max: 9 }),
      passStride: fc.constantFrom(1, 2, 4),
      windowsPerTile: pair(1, 9),
    });
    const network = small('valid');
    await fc.assert(
      fc.asyncProperty(settings, async ({ patchSize, rest, ...others }) => {
        const imageSize = patchSize.map((length, axis) => length + rest[axis]!);
        const { scores, expected } = await bothWays(network, { imageSize, patchSize, ...others });
        expectClose(scores, expected);
      }),
      { numRuns: 12, seed: 4 },
    );
  });
});

describe('with padding', () => {
  const options = { imageSize: [70, 61], patchSize: [18, 18], outputStride: 4, windowsPerTile: [4, 5] };

  test('tiles need the pixels around their windows, and then give what one pass gives', async () => {
    const network = small('same');
    const context = tileContext(network, options);
    // Three convolutions reach 1, 2 and 4 pixels to both sides; the last of the patch's 18 pixels is never pooled.
    expect(context).toEqual({ before: [7, 7], after: [5, 5] });
    const { plan, scores, expected } = await bothWays(network, { ...options, context });
    expect(plan.tiles.length).toBeGreaterThan(6);
    expectClose(scores, expected);
    const bare = await bothWays(network, options);
    expect(bare.scores.some((value, at) => Math.abs(value - bare.expected[at]!) > 1e-3)).toBe(true);
  });

  test('a network without padding needs none', () => {
    expect(tileContext(small('valid'), options)).toEqual({ before: [0, 0], after: [0, 0] });
  });
});

test('what cannot be tiled is refused', async () => {
  const options = { imageSize: [40, 40], patchSize: [18, 18], outputStride: 4 };
  expect(() => denseTiles({ ...options, outputStride: 0 })).toThrow(/whole numbers from 1 on/);
  expect(() => denseTiles({ ...options, windowsPerTile: [0, 3] })).toThrow(/whole numbers from 1 on/);
  expect(() => denseTiles({ ...options, patchSize: [18, 41] })).toThrow(
    /a patch \[18, 41\] does not fit into an image \[40, 40\]/,
  );
  const run = () => Promise.reject(new Error('never'));
  await expect(runDenseTiles(denseTiles(options), new Float32Array(1601), run)).rejects.toThrow(
    /1601 numbers are no channels/,
  );
});
