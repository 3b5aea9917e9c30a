import sharp from 'sharp';
import { outlinePath } from '../report/outline.ts';
import { colours } from '../report/palette.ts';
import { strokeText } from '../report/stroke-text.ts';
import { cutWindow } from './cut-window.ts';
import type { ExampleWindow } from './example-windows.ts';
import type { SliceJudgement, WindowsExplanation } from './explain-windows.ts';
import { heat } from './heat-colours.ts';

const gap = 16;
const header = 92;
const caption = 30;
const footer = 40;
const mainWidth = 1024;
const sideWidth = 640;
const patchColumns = 4;
/** Windows across the close-up. */
const closeWindows = 16;
const closeHeight = 420;

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
  const close: Panel = {
    left: sideLeft,
    top,
    width: sideWidth,
    height: closeHeight,
    from: closeUp(explained),
  };
  const patchesTop = top + closeHeight + gap + caption;
  const patchSide = Math.floor((sideWidth - (patchColumns - 1) * gap) / patchColumns);
  const patchRows = Math.ceil(explained.examples.length / patchColumns);
  const upperEnd = Math.max(top + mainHeight, patchesTop + patchRows * (patchSide + caption)) + gap;
  const width = sideLeft + sideWidth + gap;
  const half = Math.floor((width - 3 * gap) / 2);
  const judged: Panel[] = [gap, 2 * gap + half].map((left) => ({
    left,
    top: upperEnd + caption,
    width: half,
    height: Math.round(half * Math.min(2, aspect)),
    from: whole,
  }));
  const height = (judgement === undefined ? upperEnd : judged[0]!.top + judged[0]!.height + gap) + footer;

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

/** The surroundings of the first example, whole windows across. */
function closeUp({ view, options, examples }: WindowsExplanation): Panel['from'] {
  const width = Math.min(view.width, closeWindows * options.stride);
  const height = Math.min(view.height, Math.round((width * closeHeight) / sideWidth));
  const focus = examples[0] ?? { x: view.width / 2, y: view.height / 2 };
  const within = (middle: number, length: number, all: number) =>
    Math.round(Math.min(Math.max(middle - length / 2, 0), all - length));
  return {
    x: within(focus.x, width, view.width),
    y: within(focus.y, height, view.height),
    width,
    height,
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
  { width, height, left, top }: Panel,
): Promise<Overlay> {
  const rgb = new Uint8Array(3 * probability.length);
  for (const [at, value] of probability.entries()) rgb.set(heat(value), 3 * at);
  const input = await sharp(rgb, { raw: { width: view.width, height: view.height, channels: 3 } })
    .resize(width, height, { fit: 'fill', kernel: 'nearest' })
    .png({ compressionLevel: 1 })
    .toBuffer();
  return { input, left, top };
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
  { blocks, labels, view, examples, options }: WindowsExplanation,
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
  const focus = examples[0];
  const shown =
    focus === undefined
      ? ''
      : window({ x: focus.x + options.stride, y: focus.y }, colours.caution, '3 5') +
        window(focus, colours.caution, 'none');
  const texts = blocks.map((block) => {
    const left = panel.left + block.x * scale + 8;
    const top = panel.top + block.y * scaleY;
    const lines: [string, string][] = [[`${percent(block.body)} body`, colours.bright]];
    if (block.liver !== null) lines.push([`${percent(block.liver)} liver`, colours.liver]);
    if (block.lesion !== null) lines.push([`${percent(block.lesion)} lesion`, colours.lesion]);
    const drawn = lines.map(([text, colour], n) => strokeText(text, left, top + 22 + 18 * n, 9, colour));
    const widest = Math.max(...drawn.map(({ width }) => width));
    const box = `<rect x="${left - 5}" y="${top + 6}" width="${widest + 10}" height="${18 * lines.length + 4}" rx="3" fill="${colours.background}" fill-opacity="0.72"/>`;
    return box + drawn.map(({ svg }) => svg).join('');
  });
  const marks = examples.map(({ x, y, label }, n) => {
    const [cx, cy] = [panel.left + (x + 0.5) * scale, panel.top + (y + 0.5) * scaleY];
    const colour = label === null ? colours.text : labelColours[label];
    const dot = `<circle cx="${cx}" cy="${cy}" r="4" fill="${colour}" stroke="${colours.background}"/>`;
    return dot + strokeText(`${n + 1}`, cx + 7, cy - 4, 11, colours.bright).svg;
  });
  return inPanel(panel, rectangles + outlines(labels, view.width) + shown) + texts.join('') + marks.join('');
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
  return box + cross + strokeText(`${n + 1} ${label ?? ''}`.trim(), left, top + side + 18, 9, colour).svg;
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
    captionOf(map, 'probability of lesion, 0 black to 1 white'),
    captionOf(
      mask,
      labels === undefined ? 'mask at the threshold' : 'mask at the threshold (filled), true outlines',
    ),
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
  return strokeText(text, left, top - 11, 11, colours.text).svg;
}

function closeCaption({ options }: WindowsExplanation): string {
  return `middles of windows, ${options.stride} px apart`;
}

function patchesCaption({ options }: WindowsExplanation): string {
  return `patches of ${options.patch} x ${options.patch}: the middle pixel has the label`;
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
    const words = strokeText(text, left + 32, height - 15, 10, colours.text);
    left += 32 + words.width + 28;
    return line + words.svg;
  });
  const { low, high } = options.windowHU;
  return [
    strokeText(title.slice(0, 48), gap, 40, 20, colours.bright).svg,
    strokeText(facts, gap, 74, 12, colours.text).svg,
    strokeText('Research use only, not a medical device', width - gap, 38, 11, colours.caution, 'end').svg,
    ...keys,
    strokeText(`window ${low} to ${high} HU`, width - gap, height - 15, 10, colours.faint, 'end').svg,
  ].join('');
}
