import sharp from 'sharp';
import { colours } from '../report/palette.ts';
import { strokeText } from '../report/stroke-text.ts';
import type { GreyPicture, PatchExplanation } from './explain-patch.ts';

const gap = 20;
const panel = 360;
const top = 112;
const footer = 66;
const barWidth = 20;
const barLabels = 74;

interface Place {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/**
 * The slice with the patch on it, the patch, and its heat map over it with a colour bar: one PNG, 1200 pixels wide.
 */
export async function drawPatch(explained: PatchExplanation): Promise<Buffer> {
  const { patch, context, side } = explained;
  const width = 3 * panel + barWidth + barLabels + 3 * gap + 6;
  const height = top + panel + footer;
  const at = (n: number) => gap + n * (panel + gap);
  const slice = inside(context, { left: at(0), top, width: panel, height: panel });
  const [plain, heated] = [1, 2].map((n) => ({ left: at(n), top, width: panel, height: panel })) as [
    Place,
    Place,
  ];
  const bar = { left: heated.left + panel + 6, top, width: barWidth, height: panel };
  const heatColours = coloursOf(explained);
  const svg = [
    header(explained, width),
    caption('slice', slice.left, top),
    caption(`the patch, ${side} x ${side} px`, plain.left, top),
    caption(
      explained.method === 'occlusion' ? 'drop of probability where covered' : 'where it speaks for lesion',
      heated.left,
      top,
    ),
    frameOnSlice(explained, slice),
    box(plain, colours.caution),
    cross(plain),
    box(heated, colours.faint),
    cross(heated),
    ticks(explained, bar),
    foot(explained, height),
  ].join('');
  const overlays = [
    { input: await picture(context, greyPixels(context.grey), slice), left: slice.left, top: slice.top },
    { input: await picture(patch, greyPixels(patch.grey), plain), left: plain.left, top },
    { input: await picture(patch, heatPixels(explained, heatColours), heated), left: heated.left, top },
    { input: await barPicture(explained, heatColours, bar), left: bar.left, top },
    {
      input: Buffer.from(
        `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${svg}</svg>`,
      ),
      left: 0,
      top: 0,
    },
  ];
  return sharp({ create: { width, height, channels: 3, background: colours.background } })
    .composite(overlays)
    .removeAlpha()
    .png({ compressionLevel: 6 })
    .toBuffer();
}

/** A value's colour and how much of it lies over the grey, 0 to 1. */
type Tint = (value: number) => readonly [number, number, number, number];

const warm = [255, 140, 40] as const;
const cold = [60, 150, 255] as const;

/** Two colours to both sides of 0: nothing where there is nothing to say. Strong values are also whiter. */
function coloursOf({ range }: PatchExplanation): Tint {
  const largest = Math.max(range.highest, -range.lowest, 1e-12);
  return (value) => {
    const share = Math.min(1, Math.abs(value) / largest);
    const [r, g, b] = value >= 0 ? warm : cold;
    const light = Math.max(0, share - 0.7) / 0.3;
    const lift = (one: number) => Math.round(one + 0.7 * light * (255 - one));
    return [lift(r), lift(g), lift(b), 0.85 * share];
  };
}

function over(grey: number, [r, g, b, share]: ReturnType<Tint>): [number, number, number] {
  const mix = (one: number) => Math.round(grey + share * (one - grey));
  return [mix(r), mix(g), mix(b)];
}

function greyPixels(grey: Uint8Array): Uint8Array {
  const rgb = new Uint8Array(3 * grey.length);
  for (const [i, value] of grey.entries()) rgb.fill(value, 3 * i, 3 * i + 3);
  return rgb;
}

function heatPixels({ heat, patch }: PatchExplanation, tint: Tint): Uint8Array {
  const rgb = new Uint8Array(3 * heat.length);
  // Grey at half brightness leaves room for colour.
  for (const [i, value] of heat.entries())
    rgb.set(over(0.25 * 96 + 0.6 * patch.grey[i]!, tint(value)), 3 * i);
  return rgb;
}

function picture({ width, height }: GreyPicture, rgb: Uint8Array, place: Place): Promise<Buffer> {
  return sharp(rgb, { raw: { width, height, channels: 3 } })
    .resize(place.width, place.height, { fit: 'fill', kernel: place.width > 2 * width ? 'nearest' : 'cubic' })
    .png({ compressionLevel: 1 })
    .toBuffer();
}

/** What the bar spans: from the lowest value that is drawn to the highest; Grad-CAM has none below 0. */
function span({ range }: PatchExplanation): readonly [number, number] {
  return [Math.min(0, range.lowest), Math.max(0, range.highest, 1e-12)];
}

function barPicture(explained: PatchExplanation, tint: Tint, { width, height }: Place): Promise<Buffer> {
  const [low, high] = span(explained);
  const rgb = new Uint8Array(3 * width * height);
  for (let y = 0; y < height; y++) {
    const colour = over(60, tint(high - ((high - low) * y) / (height - 1)));
    for (let x = 0; x < width; x++) rgb.set(colour, 3 * (y * width + x));
  }
  return sharp(rgb, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}

function ticks(explained: PatchExplanation, { left, top: y0, width, height }: Place): string {
  const [low, high] = span(explained);
  const place = (value: number) => y0 + ((high - value) / (high - low)) * height;
  // The ends, 0, and what lies between where there is room.
  const values = [high, high / 2, 0, low / 2, low].filter(
    (value, n, all) => n === all.indexOf(value) && (value >= 0 || -low > 0.15 * (high - low)),
  );
  return values
    .map((value) => {
      const y = Math.min(y0 + height - 1, place(value));
      const text = strokeText(number(value, explained), left + width + 12, y + 5, 10, colours.text);
      return `<path d="M${left + width} ${y}h6" stroke="${colours.text}"/>${text.svg}`;
    })
    .join('');
}

function number(value: number, { method, range }: PatchExplanation): string {
  if (value === 0) return '0';
  const digits = Math.max(range.highest, -range.lowest) < 0.095 ? 3 : 2;
  const text =
    method === 'occlusion' ? Math.abs(value).toFixed(digits) : Number(value.toPrecision(2)).toString();
  return `${value < 0 ? '-' : method === 'occlusion' ? '+' : ''}${text.replace('e-', ' E-')}`;
}

function header({ slice, at, probability, threshold }: PatchExplanation, width: number): string {
  const says = probability >= threshold ? 'lesion' : 'no lesion';
  const colour = probability >= threshold ? colours.lesion : colours.bright;
  const title = strokeText(`Probability of lesion ${probability.toFixed(3)}`, gap, 40, 20, colour);
  const verdict = `${says} at the threshold ${Number(threshold.toFixed(3))}  ·  slice ${slice}, pixel ${at.join(', ')}`;
  return [
    title.svg,
    strokeText(verdict, gap, 72, 12, colours.text).svg,
    strokeText('Research use only, not a medical device', width - gap, 38, 11, colours.caution, 'end').svg,
  ].join('');
}

function foot(explained: PatchExplanation, height: number): string {
  const { method, covers, positions } = explained;
  const lines =
    method === 'occlusion'
      ? [
          `Occlusion: ${covers!.count} grey squares of ${covers!.side} x ${covers!.side} px, one after the other. Orange: covering it lowers the probability,`,
          'so the network used it for lesion. Blue: covering it raises the probability. No colour: it does not matter.',
        ]
      : [
          `Grad-CAM: the last maps of ${positions!.join(' x ')} positions, weighted by how much they change the score for lesion.`,
          'Orange: speaks for lesion. No colour: does not, or speaks against it. Units are those of the network.',
        ];
  return lines.map((line, n) => strokeText(line, gap, height - 34 + 20 * n, 10, colours.faint).svg).join('');
}

function caption(text: string, left: number, y: number): string {
  return strokeText(text, left, y - 11, 11, colours.text).svg;
}

function box({ left, top: y, width, height }: Place, colour: string): string {
  return `<rect x="${left}" y="${y}" width="${width}" height="${height}" fill="none" stroke="${colour}" stroke-width="2"/>`;
}

/** The pixel in the middle, whose class it is about. */
function cross({ left, top: y, width, height }: Place): string {
  const [cx, cy] = [left + width / 2, y + height / 2];
  const arms = `M${cx - 12} ${cy}h8M${cx + 4} ${cy}h8M${cx} ${cy - 12}v8M${cx} ${cy + 4}v8`;
  return `<path d="${arms}" stroke="${colours.background}" stroke-width="4"/><path d="${arms}" stroke="${colours.caution}" stroke-width="2"/>`;
}

function frameOnSlice({ context, side }: PatchExplanation, place: Place): string {
  const scale = place.width / context.width;
  const [x, y] = context.middle.map((one) => one - (side - 1) / 2) as [number, number];
  const rect = `<rect x="${x * scale}" y="${y * scale}" width="${side * scale}" height="${side * scale}" fill="none" stroke="${colours.caution}" stroke-width="2"/>`;
  const middle = `<circle cx="${(context.middle[0] + 0.5) * scale}" cy="${(context.middle[1] + 0.5) * scale}" r="3" fill="${colours.caution}"/>`;
  return `<svg x="${place.left}" y="${place.top}" width="${place.width}" height="${place.height}">${rect}${middle}</svg>`;
}

/** As large as fits into a place, in proportion, at its upper left. */
function inside({ width, height }: GreyPicture, place: Place): Place {
  const scale = Math.min(place.width / width, place.height / height);
  return { ...place, width: Math.round(width * scale), height: Math.round(height * scale) };
}
