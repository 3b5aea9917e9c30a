import { escapeHtml } from '../../../html/escape.ts';

export const plotColours = {
  ground: '#ffffff',
  ink: '#1f2933',
  quiet: '#6b7683',
  grid: '#e4e8ec',
  stopped: '#9aa5b1',
  winner: '#d6472b',
} as const;

/** Two decimals, for coordinates. */
export function at(value: number): string {
  return Number(value.toFixed(2)).toString();
}

export function text(x: number, y: number, content: string, options = ''): string {
  return `<text x="${at(x)}" y="${at(y)}" ${options}>${escapeHtml(content)}</text>`;
}

export function svg(width: number, height: number, label: string, parts: readonly string[]): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif" font-size="13" role="img" aria-label="${escapeHtml(label)}">
<rect width="${width}" height="${height}" fill="${plotColours.ground}"/>
${parts.filter((part) => part !== '').join('\n')}
</svg>
`;
}

/** From blue (0) over green to yellow (1), darker than viridis at its end, so that lines stand out on white. */
export function scoreColour(share: number): string {
  const stops = [
    [68, 52, 122],
    [49, 104, 142],
    [38, 148, 126],
    [110, 176, 62],
    [214, 178, 20],
  ] as const;
  const place = Math.min(1, Math.max(0, share)) * (stops.length - 1);
  const index = Math.min(stops.length - 2, Math.floor(place));
  const mixed = stops[index]!.map((low, c) =>
    Math.round(low + (place - index) * (stops[index + 1]![c]! - low)),
  );
  return `rgb(${mixed.join(' ')})`;
}

/** A number as people write it: 0.002, 3e-5, 12. */
export function shortNumber(value: number): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size < 1e-3 || size >= 1e5) return value.toExponential(1).replace('.0e', 'e').replace('e+', 'e');
  return Number(value.toPrecision(3)).toString();
}

/** A name cut to fit. */
export function clipped(name: string, most: number): string {
  return name.length <= most ? name : `${name.slice(0, most - 1)}…`;
}
