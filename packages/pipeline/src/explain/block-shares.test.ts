import { expect, test } from 'vitest';
import { blockShares, blocksOf } from './block-shares.ts';

test('blocks cover every pixel once, also where sides do not divide', () => {
  const [width, height] = [23, 10];
  const seen = new Uint8Array(width * height);
  const blocks = blocksOf(width, height, 3, 4);
  expect(blocks.map(({ row, column }) => [row, column]).slice(0, 5)).toEqual([
    [0, 0],
    [0, 1],
    [0, 2],
    [0, 3],
    [1, 0],
  ]);
  for (const block of blocks) {
    for (let y = block.y; y < block.y + block.height; y++) {
      for (let x = block.x; x < block.x + block.width; x++) seen[y * width + x]!++;
    }
  }
  expect(seen.every((times) => times === 1)).toBe(true);
});

test('shares of body, liver and lesion: lesion counts as liver, too', () => {
  // Blocks of 2 x 2 in a picture of 4 x 2.
  const body = Uint8Array.of(1, 1, 0, 0, 1, 0, 0, 0);
  const labels = Uint8Array.of(2, 1, 0, 0, 0, 0, 0, 1);
  const blocks = blocksOf(4, 2, 1, 2);
  expect(
    blockShares(blocks, 4, body, labels).map(({ body, liver, lesion }) => [body, liver, lesion]),
  ).toEqual([
    [0.75, 0.5, 0.25],
    [0, 0.25, 0],
  ]);
  expect(blockShares(blocks, 4, body, undefined)[0]).toMatchObject({ body: 0.75, liver: null, lesion: null });
});
