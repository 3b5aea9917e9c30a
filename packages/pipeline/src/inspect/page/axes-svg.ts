import type { GeometryReport } from '../inspect-report.ts';

/** Patient axes and grid axes in one small drawing: seen from the front, a little from above. */
export function drawAxes(geometry: GeometryReport): string {
  const centre = { x: 92, y: 74 };
  // LPS to the page: left goes right (the viewer faces the patient), head goes up, back recedes.
  const project = (x: number, y: number, z: number) => ({
    x: centre.x + 58 * x + 26 * y,
    y: centre.y - 52 * z - 24 * y,
  });
  const line = (v: readonly [number, number, number], from: number, to: number, className: string) => {
    const a = project(v[0] * from, v[1] * from, v[2] * from);
    const b = project(v[0] * to, v[1] * to, v[2] * to);
    return {
      a,
      b,
      svg: `<line class="${className}" x1="${n(a.x)}" y1="${n(a.y)}" x2="${n(b.x)}" y2="${n(b.y)}"/>`,
    };
  };
  const patient = (
    [
      [[1, 0, 0], 'R', 'L'],
      [[0, 1, 0], 'A', 'P'],
      [[0, 0, 1], 'I', 'S'],
    ] as const
  ).map(([vector, minus, plus]) => {
    const { a, b, svg } = line(vector, -1, 1, 'patient-axis');
    return `${svg}${letter(a, centre, minus)}${letter(b, centre, plus)}`;
  });
  const d = geometry.direction;
  const grid = ([0, 1, 2] as const).map((axis) => {
    const vector = [d[axis]!, d[3 + axis]!, d[6 + axis]!] as const;
    const { b, svg } = line(vector, 0, 0.72, `grid-axis grid-axis-${axis}`);
    return `${svg.replace('/>', ` marker-end="url(#arrow-${axis})"/>`)}<text class="grid-name grid-name-${axis}" x="${n(b.x + 5)}" y="${n(b.y + 13)}">${'xyz'[axis]}</text>`;
  });
  const arrows = [0, 1, 2].map(
    (axis) =>
      `<marker id="arrow-${axis}" viewBox="0 0 8 8" refX="5" refY="4" markerWidth="5" markerHeight="5" orient="auto"><path class="arrow-${axis}" d="M0 0 L8 4 L0 8 z"/></marker>`,
  );
  const words = geometry.orientationWords.map((text, axis) => `${'xyz'[axis]} ${text}`).join('; ');
  return `<svg class="axes" viewBox="0 0 184 150" role="img" aria-label="${words}"><defs>${arrows.join('')}</defs>${patient.join('')}${grid.join('')}</svg>`;
}

function letter(
  at: { readonly x: number; readonly y: number },
  centre: { readonly x: number; readonly y: number },
  name: string,
): string {
  const length = Math.hypot(at.x - centre.x, at.y - centre.y);
  const x = at.x + ((at.x - centre.x) / length) * 9;
  const y = at.y + ((at.y - centre.y) / length) * 9 + 4;
  return `<text class="patient-side" x="${n(x)}" y="${n(y)}">${name}</text>`;
}

function n(value: number): string {
  return value.toFixed(1);
}
