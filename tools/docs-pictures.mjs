// node tools/docs-pictures.mjs: draws the phantom pictures of docs/ into docs/pictures/. Same code, same bytes.
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { setup } from '../scripts/setup.mjs';

setup();
const { createPhantom } = await import('@glisson/imaging/phantom/create-phantom');
const { windowFromCenter, windowToBytes } = await import('@glisson/imaging/process/window');
const { outlinePath } = await import('@glisson/pipeline/report/outline');
const { explainWindows } = await import('@glisson/pipeline/explain/explain-windows');
const { drawWindows } = await import('@glisson/pipeline/explain/windows-picture');

const folder = join(dirname(dirname(fileURLToPath(import.meta.url))), 'docs', 'pictures');
const windows = {
  lung: windowFromCenter(-600, 1500),
  softTissue: windowFromCenter(40, 400),
  bone: windowFromCenter(400, 1800),
  liver: windowFromCenter(90, 160),
};
const gap = 8;

/** A rectangle of slice k, as numbers. */
function cut({ geometry, voxels }, k, [left, top, width, height]) {
  const [columns, rows] = geometry.size;
  const part = new voxels.constructor(width * height);
  for (let y = 0; y < height; y++) {
    const from = (k * rows + top + y) * columns + left;
    part.set(voxels.subarray(from, from + width), y * width);
  }
  return part;
}

/** A panel of a picture: grey values with an optional SVG path over them, enlarged. */
async function panel(bytes, width, height, zoom, paths = []) {
  const raw = { raw: { width, height, channels: 1 } };
  const picture = sharp(bytes, raw)
    .resize(width * zoom, height * zoom, { kernel: zoom > 2 ? 'nearest' : 'cubic' })
    .toColourspace('srgb');
  const lines = paths.map(({ d, colour }) => `<path d="${d}" stroke="${colour}"/>`).join('');
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width * zoom}" height="${height * zoom}" viewBox="0 0 ${width} ${height}" fill="none" stroke-width="${1.6 / zoom}" stroke-linecap="square">${lines}</svg>`;
  return sharp(await picture.png().toBuffer())
    .composite(lines === '' ? [] : [{ input: Buffer.from(svg) }])
    .png()
    .toBuffer();
}

/** Panels side by side with a gap, written as a small palette PNG. */
async function save(name, panels, width, height) {
  const picture = sharp({
    create: {
      width: panels.length * width + (panels.length - 1) * gap,
      height,
      channels: 3,
      background: '#808080',
    },
  }).composite(panels.map((input, i) => ({ input, left: i * (width + gap), top: 0 })));
  const colours = { palette: true, colours: 128, dither: 0, effort: 10, compressionLevel: 9 };
  const { size } = await picture.png(colours).toFile(join(folder, name));
  console.error(`${name}: ${Math.ceil(size / 1000)} kB`);
}

/** Slice with most voxels of a label, and the box round them, with a margin. */
function findLabel({ geometry, voxels }, value, margin) {
  const [columns, rows, slices] = geometry.size;
  const counts = new Uint32Array(slices);
  for (let i = 0; i < voxels.length; i++) if (voxels[i] === value) counts[Math.floor(i / (columns * rows))]++;
  const k = counts.indexOf(Math.max(...counts));
  const found = [];
  for (let i = 0; i < columns * rows; i++) if (voxels[k * columns * rows + i] === value) found.push(i);
  const xs = found.map((i) => i % columns);
  const ys = found.map((i) => Math.floor(i / columns));
  const side = Math.max(Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys)) + 2 * margin;
  const middle = (values) => Math.round((Math.min(...values) + Math.max(...values) - side) / 2);
  return { k, box: [middle(xs), middle(ys), side, side] };
}

await mkdir(folder, { recursive: true });
const { volume, labelmap } = await createPhantom({
  seed: 4,
  patient: 2,
  columns: 256,
  sliceMm: 2.5,
  coverage: 'liver',
  lesions: [3, 4],
  lesionDiameterMm: [18, 42],
  lesionContrastHu: [40, 60],
  noiseSdHu: 14,
});
const [columns, rows] = volume.geometry.size;
const whole = [0, 0, columns, rows];
const { k, box } = findLabel(labelmap, 2, 10);
const labels = cut(labelmap, k, whole);
const grey = (window) => windowToBytes(cut(volume, k, whole), window);
const liverOutline = { d: outlinePath(columns, rows, (i) => labels[i] >= 1), colour: '#40c8ff' };
const lesionOutline = { d: outlinePath(columns, rows, (i) => labels[i] === 2), colour: '#ff5c40' };

/** The slice with most lung among those with a fair piece of liver. */
function findLungAndLiver() {
  const area = columns * rows;
  const livers = [];
  const lungs = [];
  for (let n = 0; n < volume.geometry.size[2]; n++) {
    livers.push(labelmap.voxels.subarray(n * area, (n + 1) * area).filter((value) => value > 0).length);
    const hu = volume.voxels.subarray(n * area, (n + 1) * area);
    lungs.push(hu.filter((value) => value > -920 && value < -600).length);
  }
  const enough = 0.4 * Math.max(...livers);
  return lungs.reduce((best, lung, n) => (livers[n] >= enough && lung > lungs[best] ? n : best), k);
}

const chest = findLungAndLiver();
const inFour = await Promise.all(
  [windows.lung, windows.softTissue, windows.bone, windows.liver].map((window) =>
    panel(windowToBytes(cut(volume, chest, whole), window), columns, rows, 1),
  ),
);
await save('phantom-windows.png', inFour, columns, rows);

const plain = await panel(grey(windows.softTissue), columns, rows, 2);
const outlined = await panel(grey(windows.softTissue), columns, rows, 2, [liverOutline, lesionOutline]);
await save('phantom-outlines.png', [plain, outlined], columns * 2, rows * 2);

const mask = await panel(
  labels.map((value) => (value === 2 ? 255 : 0)),
  columns,
  rows,
  2,
);
await save('phantom-mask.png', [plain, mask], columns * 2, rows * 2);

const close = [windowFromCenter(40, 1500), windows.softTissue, windows.liver];
const zoom = Math.max(1, Math.floor(300 / box[2]));
const closeUps = await Promise.all(
  close.map((window) => panel(windowToBytes(cut(volume, k, box), window), box[2], box[3], zoom)),
);
await save('phantom-lesion-windows.png', closeUps, box[2] * zoom, box[3] * zoom);

// The same small lesion in a thin slice, and in the mean of ten of them: what a thick slice measures.
const thin = await createPhantom({
  seed: 11,
  patient: 1,
  columns: 320,
  sliceMm: 1,
  coverage: 'liver',
  lesions: [1, 1],
  lesionDiameterMm: [6, 7],
  lesionContrastHu: [55, 60],
  noiseSdHu: 10,
});
const small = findLabel(thin.labelmap, 2, 22);
const planes = Array.from({ length: 10 }, (_, n) => cut(thin.volume, small.k + n - 5, small.box));
const mean = Int16Array.from(planes[0], (_, i) => planes.reduce((sum, plane) => sum + plane[i], 0) / 10);
const smallZoom = Math.floor(320 / small.box[2]);
const partial = await Promise.all(
  [cut(thin.volume, small.k, small.box), mean].map((part) =>
    panel(windowToBytes(part, windows.liver), small.box[2], small.box[3], smallZoom),
  ),
);
await save('phantom-partial-volume.png', partial, small.box[2] * smallZoom, small.box[3] * smallZoom);

const explained = explainWindows(volume, labelmap, {
  rows: 4,
  columns: 4,
  patch: 129,
  stride: 8,
  windowHU: { low: -160, high: 240 },
  paddingHU: -160,
});
const explanation = sharp(await drawWindows(explained, 'Windows of 129 x 129 on a slice'));
const { width: wide } = await explanation.metadata();
await explanation
  .resize(Math.round(0.75 * wide))
  .png({ palette: true, colours: 128, dither: 0, effort: 10, compressionLevel: 9 })
  .toFile(join(folder, 'phantom-sliding-window.png'));
