import { expect, test } from 'vitest';
import { explainNetwork } from './explain-network.ts';
import { metric, networkText } from './network-text.ts';

test('VGG16 by name: its field, and hundreds of times fewer multiply-adds in the dense form', async () => {
  const explanation = await explainNetwork('vgg16', { head: 'pooled' });
  expect(explanation.windows).toMatchObject({
    positions: [64, 64],
    imageSize: [768, 768],
    patchSize: [257, 257],
  });
  const { header, rows, sentences } = networkText(explanation);
  expect(header).toHaveLength(9);
  const last = rows.findLast(([, kind]) => kind === 'max-pooling');
  expect(last?.slice(2, 5)).toEqual(['512 x 8 x 8', '212', '32']);
  expect(rows[0]).toEqual([
    'features.0',
    'convolution',
    '64 x 257 x 257',
    '3',
    '1',
    '1,792',
    '114 M',
    '1.78 M',
    '3.89 k',
  ]);
  expect(sentences.join(' ')).toMatch(
    /82\.2 T multiply-adds patch by patch.*228 G dense.*360\.5 times fewer/,
  );
});

test('norms are counted to the convolution before them, and sums of ways are shown', async () => {
  const { rows, sentences } = networkText(await explainNetwork('patch-resnet18', { stride: 16 }));
  // 3 x 64 x 49 weights and 2 x 64 of the norm.
  expect(rows[0]?.slice(0, 6)).toEqual(['conv1', 'convolution', '64 x 129 x 129', '7', '2', '9,536']);
  expect(rows.filter(([, kind]) => kind === 'norm')).toHaveLength(0);
  expect(rows.filter(([, kind]) => kind === 'sum')).toHaveLength(8);
  expect(sentences[1]).toMatch(/sees 435 x 435 pixels, more than the image has/);
});

test('patch-small has patches of 65 unless told otherwise', async () => {
  const { windows } = await explainNetwork('patch-small', { stride: 4, slice: 100 });
  expect(windows).toMatchObject({ patchSize: [65, 65], imageSize: [164, 164], positions: [25, 25] });
});

test('unknown names and sizes are refused', async () => {
  await expect(explainNetwork('vgg17')).rejects.toThrow(/neither a network of this name.*vgg17.*vgg16/s);
  await expect(explainNetwork('patch-small', { patch: 31 })).rejects.toThrow(
    /does not take images of this size/,
  );
});

test.each([
  [0, '0'],
  [999, '999'],
  [999.6, '1 k'],
  [15_470_000_000, '15.5 G'],
  [82_183_690_387_456, '82.2 T'],
])('%d is written as %s', (value, text) => {
  expect(metric(value)).toBe(text);
});
