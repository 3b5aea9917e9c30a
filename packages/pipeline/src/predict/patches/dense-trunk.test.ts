import { createRandom } from '@glisson/imaging/random/seeded-random';
import { denseNetwork } from '@glisson/nn/dense/dense-network';
import { patchCnn } from '@glisson/nn/models/patch-cnn';
import { declarationsOf } from '@glisson/nn/training/declarations';
import { initialWeights } from '@glisson/nn/training/initialise';
import { afterAll, expect, test } from 'vitest';
import { windowGrid } from '../../patches/window-grid.ts';
import { denseScorer } from './dense-scorer.ts';
import { type DenseTrunk, denseTrunk } from './dense-trunk.ts';

const network = patchCnn({ inputChannels: 1, classes: 2, baseChannels: 2 });
const weights = initialWeights(network, declarationsOf(network), { random: createRandom('trunk') });
const isHead = (name: string) => name.startsWith('head.');
const trunks: DenseTrunk[] = [];
afterAll(() => Promise.all(trunks.map((trunk) => trunk.close())));

function slice(width: number, height: number) {
  const random = createRandom('slice', width);
  const data = Float32Array.from({ length: width * height }, () => random.normal());
  return { data, width, height, padding: 0 };
}

function trunkOf(mostBytes: number) {
  const trunk = denseTrunk(weights, isHead, mostBytes);
  trunks.push(trunk);
  return trunk;
}

test.each([
  ['kept', 1e8],
  ['not kept', 0],
] as const)(
  'slices of two sizes in turns, maps %s: scores are those of the whole network',
  async (_, most) => {
    const trunk = trunkOf(most);
    const slices = [slice(24, 20), slice(30, 17), slice(24, 20)];
    const changed = {
      ...weights,
      'head.weight': {
        ...weights['head.weight']!,
        values: weights['head.weight']!.values.map((v) => 3 * v + 0.1),
      },
    };
    for (const now of [weights, changed]) {
      const whole = denseScorer(network, now, 1e8, { threads: 1 });
      const onMaps = denseScorer(network, now, 1e8, { threads: 1 }, trunk);
      for (const image of slices) {
        const grid = windowGrid(image, 65, 4, 32);
        const wanted = new Uint8Array(grid.rows * grid.columns).fill(1);
        const expected = await whole.score(image, grid, wanted);
        const found = await onMaps.score(image, grid, wanted);
        for (const [i, value] of expected.entries()) expect(found[i]).toBeCloseTo(value, 5);
      }
      await Promise.all([whole.close(), onMaps.close()]);
    }
  },
);

test('maps are handed out as copies, and a network that cannot be cut there has none', async () => {
  const trunk = trunkOf(1e8);
  const dense = denseNetwork(network, { patchSize: [65, 65], outputStride: 4 });
  const shape = [1, 1, 73, 69];
  const head = (await trunk.open('a', dense, shape, { threads: 1 }))!;
  expect(await trunk.open('a', dense, shape, { threads: 1 })).toBe(head);
  const pixels = new Float32Array(73 * 69).fill(0.5);
  const first = await head.mapsOf(pixels, shape);
  expect(first.dims).toEqual(head.mapShape);
  const value = first.data[0];
  first.data.fill(7);
  expect((await head.mapsOf(pixels, shape)).data[0]).toBe(value);
  const nowhere = denseTrunk(weights, () => false, 1e8);
  expect(await nowhere.open('a', dense, shape, { threads: 1 })).toBeUndefined();
});
