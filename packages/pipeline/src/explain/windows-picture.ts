import sharp from 'sharp';
import { outlinePath } from '../report/outline.ts';
import { colours } from '../report/palette.ts';
import { strokeText } from '../report/stroke-text.ts';
import type { BlockShares } from './block-shares.ts';
import { cutWindow } from './cut-window.ts';
import type { ExampleWindow } from './example-windows.ts';
import type { SliceJudgement, WindowsExplanation } from './explain-windows.ts';
import { heat } from './heat-colours.ts';

const gap = 16;
const header = 96;
const caption = 34;
const footer = 40;
const mainWidth = 1024;
const sideWidth = 640;
const patchColumns = 4;
/** Windows across the close-up. */
const closeWindows = 16;
/** Height of the close-up, as much as the main picture leaves beside the patches, and the least. */
const leastClose = 320;
const barHeight = 14;

/** Where a panel lies in the picture, and which part of the slice it shows. */
interface Panel {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  /** In pixels of the slice; may reach beyond it. */
  readonly from: { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
}

interface Overlay {
  readonly input: Buffer;
  readonly left: number;
  readonly top: number;
}

const labelColours = { lesion: colours.lesion, 'no lesion': colours.text } as const;

/**
 * One picture for teaching: the slice in blocks with their shares and a window on it, a close-up of windows at their stride
 * with their labels, some patches as a network gets them, and, if a model was asked, its probabilities and mask. PNG.
 */
export async function drawWindows(
  explained: WindowsExplanation,
  title: string,
  judgement?: SliceJudgement,
): Promise<Buffer> {
  const { view } = explained;
  const aspect = (view.height * view.pixelMm[1]) / (view.width * view.pixelMm[0]);
  const mainHeight = Math.round(mainWidth * Math.min(2, aspect));
  const whole = { x: 0, y: 0, width: view.width, height: view.height };
  const top = header + caption;
  const main: Panel = { left: gap, top, width: mainWidth, height: mainHeight, from: whole };
  const sideLeft = 2 * gap + mainWidth;
  const patchSide = Math.floor((sideWidth - (patchColumns - 1) * gap) / patchColumns);
  const patchRows = Math.ceil(explained.examples.length / patchColumns);
  const patchesHeight = gap + caption + patchRows * (patchSide + caption);
  const closeHeight = Math.min(sideWidth, Math.max(leastClose, mainHeight - patchesHeight));
  const close: Panel = {
    left: sideLeft,
    top,
    width: sideWidth,
    height: closeHeight,
    from: closeUp(explained, closeHeight),
  };
  const patchesTop = top + closeHeight + gap + caption;
  const upperEnd = Math.max(top + mainHeight, patchesTop + patchRows * (patchSide + caption)) + gap;
  const width = sideLeft + sideWidth + gap;
  const half = Math.floor((width - 3 * gap) / 2);
  const shown = aroundBody(explained);
  const shownAspect = (shown.height * view.pixelMm[1]) / (shown.width * view.pixelMm[0]);
  const judged: Panel[] = [gap, 2 * gap + half].map((left) => ({
    left,
    top: upperEnd + caption,
    width: half,
    height: Math.round(half * Math.min(2, shownAspect)),
    from: shown,
  }));
  const judgedEnd = judged[0]!.top + judged[0]!.height + barHeight + caption + gap;
  const height = (judgement === undefined ? upperEnd : judgedEnd) + footer;

  const overlays: Overlay[] = [await greyPanel(explained, main), await greyPanel(explained, close)];
  const drawing: string[] = [blocksDrawing(explained, main), closeDrawing(explained, close)];
  for (const [n, window] of explained.examples.entries()) {
    const place = {
      left: sideLeft + (n % patchColumns) * (patchSide + gap),
      top: patchesTop + Math.floor(n / patchColumns) * (patchSide + caption),
    };
    overlays.push(await patchPicture(explained, window, place, patchSide));
    drawing.push(patchFrame(window, n, place, patchSide));
  }
  if (judgement !== undefined) {
    overlays.push(await heatPanel(explained, judgement.probability, judged[0]!));
    overlays.push(await heatBar(judged[0]!));
    overlays.push(await greyPanel(explained, judged[1]!));
    drawing.push(judgementDrawing(explained, judgement, judged as [Panel, Panel]));
  }
  drawing.push(
    captionOf(main, `${explained.options.rows} x ${explained.options.columns} blocks`),
    captionOf(close, closeCaption(explained)),
    captionOf({ left: sideLeft, top: patchesTop }, patchesCaption(explained)),
    frame(explained, title, width, height),
  );
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${drawing.join('')}</svg>`;
  return sharp({ create: { width, height, channels: 3, background: colours.background } })
    .composite([...overlays, { input: Buffer.from(svg), left: 0, top: 0 }])
    .removeAlpha()
    .png({ compressionLevel: 6 })
    .toBuffer();
}

/** The surroundings of the focus, whole windows across. */
function closeUp({ view, options, focus }: WindowsExplanation, closeHeight: number): Panel['from'] {
  const width = Math.min(view.width, closeWindows * options.stride);
  const height = Math.min(view.height, Math.round((width * closeHeight) / sideWidth));
  const within = (middle: number, length: number, all: number) =>
    Math.round(Math.min(Math.max(middle - length / 2, 0), all - length));
  return {
    x: within(focus.x, width, view.width),
    y: within(focus.y, height, view.height),
    width,
    height,
  };
}

/** The rectangle of the body with a margin; all of the slice where there is none. */
function aroundBody({ body, view }: WindowsExplanation): Panel['from'] {
  const { width, height } = view;
  const margin = Math.round(0.03 * width);
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (const [at, inside] of body.entries()) {
    if (inside === 0) continue;
    const [x, y] = [at % width, Math.floor(at / width)];
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y);
  }
  if (right < 0) return { x: 0, y: 0, width, height };
  const [x, y] = [Math.max(0, left - margin), Math.max(0, top - margin)];
  return {
    x,
    y,
    width: Math.min(width, right + 1 + margin) - x,
    height: Math.min(height, bottom + 1 + margin) - y,
  };
}

async function greyPanel({ grey, view }: WindowsExplanation, panel: Panel): Promise<Overlay> {
  const { from, width, height, left, top } = panel;
  const input = await sharp(grey, { raw: { width: view.width, height: view.height, channels: 1 } })
    .extract({ left: from.x, top: from.y, width: from.width, height: from.height })
    .resize(width, height, { fit: 'fill', kernel: width > 2 * from.width ? 'nearest' : 'cubic' })
    .toColourspace('srgb')
    .png({ compressionLevel: 1 })
    .toBuffer();
  return { input, left, top };
}

async function heatPanel(
  { view }: WindowsExplanation,
  probability: Float32Array,
  { width, height, left, top, from }: Panel,
): Promise<Overlay> {
  const rgb = new Uint8Array(3 * probability.length);
  for (const [at, value] of probability.entries()) rgb.set(heat(value), 3 * at);
  const input = await sharp(rgb, { raw: { width: view.width, height: view.height, channels: 3 } })
    .extract({ left: from.x, top: from.y, width: from.width, height: from.height })
    .resize(width, height, { fit: 'fill', kernel: 'nearest' })
    .png({ compressionLevel: 1 })
    .toBuffer();
  return { input, left, top };
}

/** The colours of the map from 0 to 1, below it. */
async function heatBar({ left, top, width, height }: Panel): Promise<Overlay> {
  const rgb = new Uint8Array(3 * width * barHeight);
  for (let x = 0; x < width; x++) {
    const colour = heat(x / (width - 1));
    for (let y = 0; y < barHeight; y++) rgb.set(colour, 3 * (y * width + x));
  }
  const input = await sharp(rgb, { raw: { width, height: barHeight, channels: 3 } })
    .png({ compressionLevel: 1 })
    .toBuffer();
  return { input, left, top: top + height + 4 };
}

/** Numbers below the bar, and where the threshold lies. */
function barNumbers({ left, top, width, height }: Panel, threshold: number): string {
  const y = top + height + 4;
  const at = left + threshold * width;
  const line = `<path d="M${at} ${y - 3}v${barHeight + 6}" stroke="${colours.liver}" stroke-width="3"/>`;
  const ends = [
    strokeText('0', left, y + barHeight + 18, 11, colours.text).svg,
    strokeText('1', left + width, y + barHeight + 18, 11, colours.text, 'end').svg,
  ];
  const text = `threshold ${Number(threshold.toFixed(3))}`;
  const place = Math.min(Math.max(at - 60, left + 30), left + width - 180);
  return `${line}${ends.join('')}${strokeText(text, place, y + barHeight + 18, 11, colours.liver).svg}`;
}

async function patchPicture(
  { grey, padding, view, options }: WindowsExplanation,
  { x, y }: ExampleWindow,
  { left, top }: { left: number; top: number },
  side: number,
): Promise<Overlay> {
  const { patch } = options;
  const pixels = cutWindow(grey, view.width, [x, y], patch, padding);
  const input = await sharp(pixels, { raw: { width: patch, height: patch, channels: 1 } })
    .resize(side, side, { fit: 'fill', kernel: patch * 2 < side ? 'nearest' : 'cubic' })
    .toColourspace('srgb')
    .png({ compressionLevel: 1 })
    .toBuffer();
  return { input, left, top };
}

/** A change of coordinates from pixels of the slice to the panel's, for svg. */
function inPanel({ left, top, width, height, from }: Panel, svg: string): string {
  const [scaleX, scaleY] = [width / from.width, height / from.height];
  return `<svg x="${left}" y="${top}" width="${width}" height="${height}"><g transform="scale(${scaleX} ${scaleY}) translate(${-from.x} ${-from.y})">${svg}</g></svg>`;
}

const thin = 'fill="none" vector-effect="non-scaling-stroke"';

function outlines(labels: Uint8Array | undefined, width: number): string {
  if (labels === undefined) return '';
  const height = labels.length / width;
  const outline = (least: number, colour: string) =>
    `<path d="${outlinePath(width, height, (i) => labels[i]! >= least)}" stroke="${colour}" stroke-width="1.6" ${thin}/>`;
  return outline(1, colours.liver) + outline(2, colours.lesion);
}

function blocksDrawing(
  { blocks, labels, view, examples, options, focus }: WindowsExplanation,
  panel: Panel,
): string {
  const scale = panel.width / panel.from.width;
  const scaleY = panel.height / panel.from.height;
  const rectangles = blocks
    .map(({ x, y, width, height }) => {
      return `<rect x="${x}" y="${y}" width="${width}" height="${height}" stroke="${colours.faint}" stroke-width="1" ${thin}/>`;
    })
    .join('');
  const window = ({ x, y }: { x: number; y: number }, colour: string, dashes: string) => {
    const half = (options.patch - 1) / 2;
    return `<rect x="${x - half}" y="${y - half}" width="${options.patch}" height="${options.patch}" stroke="${colour}" stroke-width="2" stroke-dasharray="${dashes}" ${thin}/>`;
  };
  const shown =
    window({ x: focus.x + options.stride, y: focus.y }, colours.caution, '3 5') +
    window(focus, colours.caution, 'none');
  const texts = blocks.map((block) => blockShareText(block, panel, scale, scaleY));
  const marks = exampleMarks(examples, panel, scale, scaleY);
  return inPanel(panel, rectangles + outlines(labels, view.width) + shown) + texts.join('') + marks;
}

/** A block's shares in its upper left corner; nothing where it is too small for them. */
function blockShareText(block: BlockShares, panel: Panel, scale: number, scaleY: number): string {
  const lines: [string, string][] = [[`${percent(block.body)} body`, colours.bright]];
  const add = (share: number | null, name: string, colour: string) => {
    if (share !== null) lines.push([`${percent(share)} ${name}`, share > 0 ? colour : colours.faint]);
  };
  add(block.liver, 'liver', colours.liver);
  add(block.lesion, 'lesion', colours.lesion);
  // The largest letters with which they fill no more than the block's upper half.
  for (const letters of [13, 11, 9, 7]) {
    const step = 2 * letters;
    const [left, top] = [panel.left + block.x * scale + 10, panel.top + block.y * scaleY + 8];
    const drawn = lines.map(([text, colour], n) =>
      strokeText(text, left, top + 6 + letters + step * n, letters, colour),
    );
    const widest = Math.max(...drawn.map(({ width }) => width));
    const tall = step * lines.length + 4;
    if (widest + 20 > block.width * scale || tall + 8 > 0.6 * block.height * scaleY) continue;
    const box = `<rect x="${left - 6}" y="${top}" width="${widest + 12}" height="${tall}" rx="3" fill="${colours.background}" fill-opacity="0.72"/>`;
    return box + drawn.map(({ svg }) => svg).join('');
  }
  return '';
}

/** Numbered dots; a number is moved, with a line to its dot, where it would lie on another. */
function exampleMarks(
  examples: readonly ExampleWindow[],
  panel: Panel,
  scale: number,
  scaleY: number,
): string {
  const dots = examples.map(({ x, y }) => {
    return [panel.left + (x + 0.5) * scale, panel.top + (y + 0.5) * scaleY] as const;
  });
  const taken: (readonly [number, number])[] = [...dots];
  const letters = 13;
  const drawn = examples.map(({ label }, n) => {
    const [cx, cy] = dots[n]!;
    const isFree = ([x, y]: readonly [number, number]) =>
      taken.every(([u, v], other) => other === n || Math.abs(u - x) > 17 || Math.abs(v - y) > 19) &&
      x > panel.left + 10 &&
      x < panel.left + panel.width - 10 &&
      y > panel.top + 10 &&
      y < panel.top + panel.height - 10;
    const around = [16, 30, 48, 70].flatMap((far) =>
      [-30, 30, -90, 90, 210, 150, 0, 180].map((degrees) => {
        const angle = (degrees * Math.PI) / 180;
        return [cx + far * Math.cos(angle), cy + far * Math.sin(angle)] as const;
      }),
    );
    const place = around.find(isFree) ?? around[0]!;
    taken.push(place);
    const colour = label === null ? colours.text : labelColours[label];
    const far = Math.hypot(place[0] - cx, place[1] - cy);
    const line =
      far > 20
        ? `<path d="M${cx} ${cy}L${cx + ((place[0] - cx) * (far - 9)) / far} ${cy + ((place[1] - cy) * (far - 9)) / far}" stroke="${colour}" stroke-width="1.2"/>`
        : '';
    const dot = `<circle cx="${cx}" cy="${cy}" r="5" fill="${colour}" stroke="${colours.background}"/>`;
    const text = `${n + 1}`;
    const { width } = strokeText(text, 0, 0, letters, colours.bright);
    const [x, y] = [place[0] - width / 2, place[1] + letters / 2];
    // A dark rim, for numbers on bright pixels.
    const rim = strokeText(text, x, y, letters, colours.background).svg.replace(
      /stroke-width="[\d.]+"/,
      'stroke-width="5"',
    );
    return { under: line + dot + rim, over: strokeText(text, x, y, letters, colours.bright).svg };
  });
  return drawn.map(({ under }) => under).join('') + drawn.map(({ over }) => over).join('');
}

function closeDrawing({ windows, labels, view, options }: WindowsExplanation, panel: Panel): string {
  const { from } = panel;
  const scale = panel.width / from.width;
  const scaleY = panel.height / from.height;
  const radius = Math.min(5, 0.3 * options.stride * scale);
  const dots = windows
    .filter(({ x, y }) => x >= from.x && y >= from.y && x < from.x + from.width && y < from.y + from.height)
    .map(({ x, y, label }) => {
      const [cx, cy] = [panel.left + (x + 0.5 - from.x) * scale, panel.top + (y + 0.5 - from.y) * scaleY];
      const colour = label === 'lesion' ? colours.lesion : colours.text;
      return `<circle cx="${cx}" cy="${cy}" r="${radius}" fill="${colour}" stroke="${colours.background}"/>`;
    });
  return inPanel(panel, outlines(labels, view.width)) + dots.join('');
}

function patchFrame(
  { label }: ExampleWindow,
  n: number,
  { left, top }: { left: number; top: number },
  side: number,
): string {
  const colour = label === null ? colours.text : labelColours[label];
  const middle = [left + side / 2, top + side / 2] as const;
  const cross = `<path d="M${middle[0] - 7} ${middle[1]}h14M${middle[0]} ${middle[1] - 7}v14" stroke="${colours.caution}" stroke-width="1.5"/>`;
  const box = `<rect x="${left}" y="${top}" width="${side}" height="${side}" fill="none" stroke="${colour}" stroke-width="2"/>`;
  return box + cross + strokeText(`${n + 1} ${label ?? ''}`.trim(), left, top + side + 20, 12, colour).svg;
}

function judgementDrawing(
  { labels, view }: WindowsExplanation,
  judgement: SliceJudgement,
  [map, mask]: readonly [Panel, Panel],
): string {
  const filled = (least: number, colour: string) =>
    `<path d="${rowsPath(judgement.labels, view.width, least)}" fill="${colour}" fill-opacity="0.55"/>`;
  return [
    inPanel(map, outlines(labels, view.width)),
    inPanel(mask, filled(2, colours.lesion) + outlines(labels, view.width)),
    captionOf(map, 'probability of lesion, window by window'),
    captionOf(
      mask,
      labels === undefined ? 'mask at the threshold' : 'mask at the threshold (filled) and true outlines',
    ),
    barNumbers(map, judgement.threshold),
  ].join('');
}

/** Runs of pixels of a row as rectangles. */
function rowsPath(labels: Uint8Array, width: number, least: number): string {
  const parts: string[] = [];
  for (let at = 0; at < labels.length; ) {
    const start = at;
    const end = (Math.floor(at / width) + 1) * width;
    while (at < end && labels[at]! >= least) at++;
    if (at === start) at++;
    else parts.push(`M${start % width} ${Math.floor(start / width)}h${at - start}v1h${start - at}z`);
  }
  return parts.join('');
}

function percent(share: number): string {
  const value = 100 * share;
  return `${value > 0 && value < 9.95 ? value.toFixed(1) : Math.round(value)} %`;
}

function captionOf({ left, top }: Pick<Panel, 'left' | 'top'>, text: string): string {
  return strokeText(text, left, top - 11, 13, colours.text).svg;
}

function closeCaption({ options }: WindowsExplanation): string {
  return `middles of windows, ${options.stride} px apart`;
}

function patchesCaption({ options, labels }: WindowsExplanation): string {
  const what = labels === undefined ? 'the middle pixel is judged' : 'the label is that of the middle pixel';
  return `patches of ${options.patch} x ${options.patch}: ${what}`;
}

function frame(explained: WindowsExplanation, title: string, width: number, height: number): string {
  const { slice, windows, options, labels, view } = explained;
  const counts = [Math.ceil(view.width / options.stride), Math.ceil(view.height / options.stride)];
  const lesions = windows.filter(({ label }) => label === 'lesion').length;
  const inBody = windows.filter(({ tissue }) => tissue !== 'outside').length;
  const facts = [
    `slice ${slice}`,
    `${counts.join(' x ')} windows at stride ${options.stride}`,
    `${inBody} in the body`,
    ...(labels === undefined ? [] : [`${lesions} lesion`]),
  ].join('  ·  ');
  const key: [string, string][] =
    labels === undefined
      ? [[colours.caution, 'a window and the next one']]
      : [
          [colours.liver, 'liver'],
          [colours.lesion, 'lesion'],
          [colours.caution, 'a window and the next one'],
        ];
  let left = gap;
  const keys = key.map(([colour, text]) => {
    const line = `<rect x="${left}" y="${height - 21}" width="22" height="3" fill="${colour}"/>`;
    const words = strokeText(text, left + 32, height - 15, 12, colours.text);
    left += 32 + words.width + 28;
    return line + words.svg;
  });
  const { low, high } = options.windowHU;
  return [
    strokeText(title.slice(0, 48), gap, 40, 20, colours.bright).svg,
    strokeText(facts, gap, 76, 14, colours.text).svg,
    strokeText('Research use only, not a medical device', width - gap, 38, 13, colours.caution, 'end').svg,
    ...keys,
    strokeText(`window ${low} to ${high} HU`, width - gap, height - 15, 12, colours.faint, 'end').svg,
  ].join('');
}
