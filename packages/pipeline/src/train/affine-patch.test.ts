import { expect, test } from 'vitest';
import { patchTransform, sampleImagePatch, sampleLabelPatch } from './affine-patch.ts';

const size = [9, 7] as const;
const slice = Int16Array.from({ length: 63 }, (_, i) => ((i * 37) % 101) - 50);
const labels = Uint8Array.from({ length: 63 }, (_, i) => (i * 7) % 3);

function image(
  transform: ReturnType<typeof patchTransform>,
  patch: readonly [number, number],
  outside = -999,
) {
  const out = new Float32Array(patch[0] * patch[1]);
  sampleImagePatch(slice, size, transform, patch, outside, out, 0);
  return [...out];
}

function label(transform: ReturnType<typeof patchTransform>, patch: readonly [number, number]) {
  const out = new Uint8Array(patch[0] * patch[1]);
  sampleLabelPatch(labels, size, transform, patch, out, 0);
  return [...out];
}

/** Value at whole pixels, written down independently of the sampler. */
const at = (x: number, y: number) => (x < 0 || y < 0 || x >= 9 || y >= 7 ? -999 : slice[y * 9 + x]!);

test('the identity is a crop, for even and odd patches', () => {
  const even = image(patchTransform([3.5, 2.5], [1, 1]), [4, 2]);
  expect(even).toEqual([2, 3].flatMap((y) => [2, 3, 4, 5].map((x) => at(x, y))));
  const odd = image(patchTransform([4, 3], [1, 1]), [3, 3]);
  expect(odd).toEqual([2, 3, 4].flatMap((y) => [3, 4, 5].map((x) => at(x, y))));
});

test('a patch that covers the whole slice has no lost edge', () => {
  expect(image(patchTransform([4, 3], [1, 1]), [9, 7])).toEqual([...slice]);
});

test('beyond the edge is the given value for images and background for labels', () => {
  expect(image(patchTransform([0, 0], [1, 1]), [3, 3])).toEqual(
    [-1, 0, 1].flatMap((y) => [-1, 0, 1].map((x) => at(x, y))),
  );
  expect(label(patchTransform([-5, -5], [1, 1]), [3, 3])).toEqual(new Array(9).fill(0));
});

test('a quarter turn takes rows from columns exactly', () => {
  // Patch pixel (u, v) shows (x, y) = centre + (-v, u).
  const turned = image(patchTransform([4, 3], [1, 1], 90), [3, 3]);
  const expected = [-1, 0, 1].flatMap((v) => [-1, 0, 1].map((u) => at(4 - v, 3 + u)));
  expect(turned).toEqual(expected);
  expect(label(patchTransform([4, 3], [1, 1], 90), [3, 3])).toEqual(
    [-1, 0, 1].flatMap((v) => [-1, 0, 1].map((u) => labels[(3 + u) * 9 + 4 - v])),
  );
});

test('a half turn is both flips, and flips mirror about the centre', () => {
  const both = image(patchTransform([3.5, 2.5], [1, 1], 0, 1, [true, true]), [4, 4]);
  expect(image(patchTransform([3.5, 2.5], [1, 1], 180), [4, 4])).toEqual(both);
  const plain = image(patchTransform([3.5, 2.5], [1, 1]), [4, 4]);
  expect(both).toEqual([...plain].reverse());
  const leftRight = image(patchTransform([3.5, 2.5], [1, 1], 0, 1, [true, false]), [4, 4]);
  expect(leftRight).toEqual([0, 1, 2, 3].flatMap((r) => plain.slice(4 * r, 4 * r + 4).reverse()));
});

test('between pixels values are bilinear', () => {
  const [value] = image(patchTransform([2.25, 3.5], [1, 1]), [1, 1]);
  const top = 0.75 * at(2, 3) + 0.25 * at(3, 3);
  const bottom = 0.75 * at(2, 4) + 0.25 * at(3, 4);
  expect(value).toBeCloseTo(0.5 * top + 0.5 * bottom, 4);
});

test('zoom 2 shows half as much, so that things look larger', () => {
  const zoomed = image(patchTransform([4, 3], [1, 1], 0, 2), [5, 5]);
  expect(zoomed[12]).toBe(at(4, 3));
  expect(zoomed[14]).toBe(at(5, 3));
  expect(zoomed[13]).toBeCloseTo((at(4, 3) + at(5, 3)) / 2, 4);
});

test('a turn keeps millimetres where pixels are not square', () => {
  // 2 mm wide, 1 mm high: a quarter turn takes one pixel along x (2 mm) to two pixels along y.
  const transform = patchTransform([4, 3], [2, 1], 90);
  expect(transform.yu).toBeCloseTo(2, 12);
  expect(transform.xv).toBeCloseTo(-0.5, 12);
});
