/**
 * Letters as strokes: pictures get their captions without fonts, which a plain machine may lack, and the same
 * bytes everywhere. Each stroke is a run of points; a point is two base-36 digits x, y on a grid where
 * capitals reach from y = 0 to the baseline at y = 14 and small letters from y = 4; descenders end at 18.
 */
const glyphs: Readonly<Record<string, string>> = {
  A: '0e 50 ae|29 89',
  B: '00 60 82 85 67 07|67 89 8c 6e 0e 00',
  C: '92 70 30 03 0b 3e 7e 9c',
  D: '00 50 93 9b 5e 0e 00',
  E: '80 00 0e 8e|07 67',
  F: '80 00 0e|07 67',
  G: '92 70 30 03 0b 3e 7e 9c 98 58',
  H: '00 0e|90 9e|07 97',
  I: '00 0e',
  J: '60 6b 4e 2e 0c',
  K: '00 0e|90 08|36 9e',
  L: '00 0e 8e',
  M: '0e 00 58 a0 ae',
  N: '0e 00 9e 90',
  O: '30 70 a3 ab 7e 3e 0b 03 30',
  P: '0e 00 60 82 86 68 08',
  Q: '30 70 a3 ab 7e 3e 0b 03 30|6a ae',
  R: '0e 00 60 82 86 68 08|48 8e',
  S: '92 70 20 02 05 27 77 99 9c 7e 2e 0c',
  T: '00 a0|50 5e',
  U: '00 0b 3e 6e 9b 90',
  V: '00 5e a0',
  W: '00 3e 64 9e c0',
  X: '00 9e|90 0e',
  Y: '00 57 a0|57 5e',
  Z: '00 90 0e 9e',
  a: '84 8e|86 64 24 06 0c 2e 6e 8c',
  b: '00 0e|06 24 64 86 8c 6e 2e 0c',
  c: '76 64 24 06 0c 2e 6e 7c',
  d: '80 8e|86 64 24 06 0c 2e 6e 8c',
  e: '09 89 86 64 24 06 0c 2e 6e 8c',
  f: '50 30 22 2e|04 54',
  g: '84 8g 6i 2i 0g|86 64 24 06 0c 2e 6e 8c',
  h: '00 0e|06 24 54 76 7e',
  i: '04 0e|00 01',
  j: '24 2g 0i|20 21',
  k: '00 0e|64 0a|28 6e',
  l: '00 0e',
  m: '04 0e|06 24 44 66 6e|66 84 a4 c6 ce',
  n: '04 0e|06 24 54 76 7e',
  o: '24 64 86 8c 6e 2e 0c 06 24',
  p: '04 0i|06 24 64 86 8c 6e 2e 0c',
  q: '84 8i|86 64 24 06 0c 2e 6e 8c',
  r: '04 0e|06 24 44',
  s: '75 64 14 05 08 19 69 7a 7d 6e 1e 0d',
  t: '20 2c 4e 5e|04 54',
  u: '04 0c 2e 5e 7c|74 7e',
  v: '04 4e 84',
  w: '04 2e 56 8e a4',
  x: '04 7e|74 0e',
  y: '04 4e|84 3i 0i',
  z: '04 74 0e 7e',
  0: '30 60 93 9b 6e 3e 0b 03 30',
  1: '03 40 4e',
  2: '03 20 70 93 95 0e 9e',
  3: '02 20 70 92 95 77 47|77 99 9c 7e 2e 0c',
  4: '7e 70 0a 9a',
  5: '90 10 06 65 98 9b 7e 2e 0c',
  6: '91 70 30 03 0b 3e 7e 9c 99 77 27 09',
  7: '00 90 3e',
  8: '27 05 02 20 70 92 95 77 27 09 0c 2e 7e 9c 99 77',
  9: '95 77 27 05 02 20 70 92 9b 6e 2e 0d',
  '.': '0d 0e',
  ',': '1d 0g',
  ':': '05 06|0d 0e',
  '-': '09 69',
  '·': '18 19',
  '+': '09 89|45 4d',
  '/': '0f 60',
  '%': '0e a0|01 31 34 04 01|7a aa ad 7d 7a',
  '(': '30 04 0b 3f',
  ')': '00 34 3b 0f',
  '#': '30 1e|80 6e|05 95|0a 9a',
  _: '0g 8g',
  '?': '02 20 60 82 85 58 5a|5d 5e',
  ' ': '',
};

const capitalHeight = 14;
const gap = 4;
const spaceWidth = 4;

/** A line of text as an SVG path. */
export interface StrokeText {
  readonly svg: string;
  /** Width in pixels. */
  readonly width: number;
}

/**
 * Draws one line of text.
 * @param x, y left end of the baseline, in pixels
 * @param height of capitals, in pixels
 * @param anchor which end of the text is at x
 */
export function strokeText(
  text: string,
  x: number,
  y: number,
  height: number,
  colour: string,
  anchor: 'start' | 'end' = 'start',
): StrokeText {
  const scale = height / capitalHeight;
  const number = (value: number) => Number(value.toFixed(2));
  let pen = 0;
  const strokes: [number, number][][] = [];
  for (const letter of text) {
    const lines = (glyphs[letter] ?? glyphs['?']!).split('|').filter((line) => line !== '');
    let right = spaceWidth;
    for (const line of lines) {
      const points = line.split(' ').map(([px, py]): [number, number] => {
        const column = Number.parseInt(px!, 36);
        right = Math.max(right === spaceWidth ? 0 : right, column);
        return [pen + column, Number.parseInt(py!, 36)];
      });
      strokes.push(points);
    }
    pen += right + gap;
  }
  const width = Math.max(0, pen - gap) * scale;
  const left = anchor === 'end' ? x - width : x;
  const path = strokes
    .map((points) =>
      points
        .map(([px, py], n) => {
          const at = `${number(left + px * scale)} ${number(y + (py - capitalHeight) * scale)}`;
          return `${n === 0 ? 'M' : 'L'}${at}`;
        })
        .join(''),
    )
    .join('');
  const svg = `<path d="${path}" fill="none" stroke="${colour}" stroke-width="${number(height * 0.12)}" stroke-linecap="round" stroke-linejoin="round"/>`;
  return { svg, width };
}
