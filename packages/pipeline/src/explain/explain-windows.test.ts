import { identityDirection } from '@glisson/imaging/geometry/geometry';
import { createLabelmap, liverLabels } from '@glisson/imaging/volume/labelmap';
import { createVolume } from '@glisson/imaging/volume/volume';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { cutWindow } from './cut-window.ts';
import { exampleWindows, windowsAt } from './example-windows.ts';
import { type ExplainWindowsOptions, explainWindows } from './explain-windows.ts';
import { drawWindows } from './windows-picture.ts';
import { windowsFacts } from './write-windows.ts';

const [width, height, depth] = [64, 48, 3];

/** A body of 40 x 32 pixels in air, a liver in its left half of the picture, in slice 2 also a lesion of 6 x 6 at (20, 20). */
function phantom() {
  const geometry = {
    size: [width, height, depth],
    spacing: [5, 5, 5],
    origin: [0, 0, 0],
    direction: identityDirection,
  } as const;
  const voxels = new Int16Array(width * height * depth).fill(-1000);
  const labels = new Uint8Array(voxels.length);
  for (let k = 0; k < depth; k++) {
    for (let y = 8; y < 40; y++) {
      for (let x = 12; x < 52; x++) {
        const at = (k * height + y) * width + x;
        voxels[at] = x < 32 ? 100 : 40;
        labels[at] = x < 32 ? 1 : 0;
        if (k === 1 && x >= 20 && x < 26 && y >= 20 && y < 26) {
          labels[at] = 2;
          voxels[at] = 60;
        }
      }
    }
  }
  return { volume: createVolume(geometry, voxels), labels: createLabelmap(geometry, labels, liverLabels) };
}

const options: ExplainWindowsOptions = {
  rows: 4,
  columns: 4,
  patch: 15,
  stride: 4,
  windowHU: { low: -160, high: 240 },
  paddingHU: -160,
};

test('the slice with the most lesion is chosen, and its windows have the labels of their middles', () => {
  const { volume, labels } = phantom();
  const explained = explainWindows(volume, labels, options);
  expect(explained.slice).toBe(2);
  const facts = windowsFacts(explained);
  // Multiples of 4 from 20 to 25 are 20 and 24, on both axes; of the liver, 12 to 31 by 8 to 39.
  expect(facts.windows).toMatchObject({ columns: 16, rows: 12, lesion: 4, liver: 5 * 8 });
  expect(explained.examples).toHaveLength(8);
  expect(explained.examples.slice(0, 4).map(({ x, y, label }) => [x, y, label])).toEqual([
    [20, 20, 'lesion'],
    [24, 20, 'lesion'],
    [20, 24, 'lesion'],
    [24, 24, 'lesion'],
  ]);
  expect(explained.examples.slice(4).map(({ tissue }) => tissue)).toEqual(['liver', 'liver', 'body', 'body']);
  // Block (1, 1): columns 16 to 31, rows 12 to 23, all liver; 6 x 4 of 16 x 12 pixels are lesion.
  expect(explained.blocks[5]).toMatchObject({ row: 1, column: 1, liver: 1, lesion: 24 / 192 });
});

test('without labels the middle slice, and windows without a label', () => {
  const explained = explainWindows(phantom().volume, undefined, options);
  expect(explained.slice).toBe(2);
  expect(explained.examples.every(({ label }) => label === null)).toBe(true);
  expect(windowsFacts(explained).windows).toMatchObject({ liver: null, lesion: null });
});

test('patches keep their middle, also where they reach beyond the slice', () => {
  const picture = Uint8Array.from({ length: 5 * 4 }, (_, i) => i + 1);
  expect([...cutWindow(picture, 5, [0, 0], 3, 99)]).toEqual([99, 99, 99, 99, 1, 2, 99, 6, 7]);
  expect([...cutWindow(picture, 5, [4, 3], 3, 99)]).toEqual([14, 15, 99, 19, 20, 99, 99, 99, 99]);
  expect([...cutWindow(picture, 5, [2, 1], 3, 99)]).toEqual([2, 3, 4, 7, 8, 9, 12, 13, 14]);
});

test('where there is little lesion, others fill the examples', () => {
  const labels = new Uint8Array(100);
  labels[0] = 2;
  const windows = windowsAt(1, 10, 10, new Uint8Array(100).fill(1), labels);
  const found = exampleWindows(windows, 8).map(({ tissue }) => tissue);
  expect(found).toEqual(['lesion', ...new Array<string>(7).fill('body')]);
  expect(exampleWindows([], 8)).toEqual([]);
});

describe('the picture', () => {
  const pixelsOf = async (png: Buffer) => {
    const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
    return {
      info,
      at: (x: number, y: number) => [...data.subarray(info.channels * (y * info.width + x)).subarray(0, 3)],
    };
  };

  test('shows the slice, its patches, and with a judgement the map and the mask', async () => {
    const { volume, labels } = phantom();
    const explained = explainWindows(volume, labels, options);
    const plain = await pixelsOf(await drawWindows(explained, 'A slice'));
    // 1024 of 64 pixels: 16 each. Pixel (40, 30) has 40 HU: (40 + 160) / 400 of 255.
    const [left, top] = [16, 130];
    expect(plain.at(left + 40 * 16 + 8, top + 30 * 16 + 4)).toEqual([128, 128, 128]);
    expect(plain.at(left + 2 * 16, top + 46 * 16)).toEqual([0, 0, 0]);
    const probability = new Float32Array(width * height);
    const mask = new Uint8Array(width * height);
    for (let y = 20; y < 26; y++) {
      probability.fill(1, y * width + 40, y * width + 46);
      mask.fill(2, y * width + 40, y * width + 46);
    }
    const judged = await pixelsOf(
      await drawWindows(explained, 'A slice', { probability, labels: mask, threshold: 0.5 }),
    );
    expect(judged.info.height).toBeGreaterThan(plain.info.height + 400);
    // The panels end above the colour bar and its numbers; they show the body, x 12 to 51 and y 8 to 39, and 2 pixels more.
    const from = { x: 10, y: 6, width: 44, height: 36 };
    const half = Math.floor((judged.info.width - 48) / 2);
    const scale = half / from.width;
    const panelTop = judged.info.height - 40 - 16 - 14 - 34 - Math.round(from.height * scale);
    const inPanel = (panel: 0 | 1, x: number, y: number) =>
      judged.at(
        Math.round(16 + panel * (half + 16) + (x + 0.5 - from.x) * scale),
        Math.round(panelTop + (y + 0.5 - from.y) * scale),
      );
    expect(inPanel(0, 43, 23)).toEqual([255, 255, 240]);
    expect(inPanel(0, 48, 30)).toEqual([0, 0, 0]);
    const [red, , blue] = inPanel(1, 43, 23) as [number, number, number];
    expect(red - blue).toBeGreaterThan(80);
    expect(inPanel(1, 48, 34)).toEqual([128, 128, 128]);
  });
});

test('a scan that was clipped has a body, too; without labels the middle of the body is shown', () => {
  const { volume } = phantom();
  const clipped = createVolume(
    volume.geometry,
    volume.voxels.map((value) => Math.max(-160, value)),
  );
  const [plain, again] = [volume, clipped].map((one) => explainWindows(one, undefined, options)) as [
    ReturnType<typeof explainWindows>,
    ReturnType<typeof explainWindows>,
  ];
  expect([...again.body]).toEqual([...plain.body]);
  expect(again.body.reduce((sum, inside) => sum + inside, 0)).toBeGreaterThan(0.9 * 40 * 32);
  expect(again.body[0]).toBe(0);
  expect(again.examples.every(({ tissue }) => tissue === 'body')).toBe(true);
  expect(Math.abs(again.focus.x - 31.5)).toBeLessThan(4);
  expect(Math.abs(again.focus.y - 23.5)).toBeLessThan(4);
});

test('what cannot be drawn is refused', () => {
  const { volume, labels } = phantom();
  const refused = (changes: Partial<ExplainWindowsOptions>) => () =>
    explainWindows(volume, labels, { ...options, ...changes });
  expect(refused({ slice: 4 })).toThrow(/no such slice.*1 to 3/);
  expect(refused({ patch: 16 })).toThrow(/an odd side/);
  expect(refused({ rows: 49 })).toThrow(/more blocks than pixels/);
});
