/**
 * Outline of a region as closed lines along pixel edges, as SVG path data in pixels (pixel (x, y) covers
 * x .. x + 1, y .. y + 1). Straight stretches are one segment each.
 * @param isInside whether the pixel at an index (x fastest) belongs to the region
 */
export function outlinePath(width: number, height: number, isInside: (index: number) => boolean): string {
  const inside = (x: number, y: number) =>
    x >= 0 && y >= 0 && x < width && y < height && isInside(y * width + x);
  const parts: string[] = [];
  for (let y = 0; y <= height; y++) {
    for (let x = 0; x < width; ) {
      let end = x;
      while (end < width && inside(end, y - 1) !== inside(end, y)) end++;
      if (end > x) parts.push(`M${x} ${y}H${end}`);
      x = end + 1;
    }
  }
  for (let x = 0; x <= width; x++) {
    for (let y = 0; y < height; ) {
      let end = y;
      while (end < height && inside(x - 1, end) !== inside(x, end)) end++;
      if (end > y) parts.push(`M${x} ${y}V${end}`);
      y = end + 1;
    }
  }
  return parts.join('');
}
