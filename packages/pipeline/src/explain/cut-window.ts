/** The patch of a picture [height, width] around a pixel; `padding` stands for what lies outside. */
export function cutWindow(
  picture: Uint8Array,
  width: number,
  [x, y]: readonly [number, number],
  side: number,
  padding: number,
): Uint8Array {
  const height = picture.length / width;
  const half = (side - 1) / 2;
  const out = new Uint8Array(side * side).fill(padding);
  for (let v = Math.max(0, half - y); v < Math.min(side, height + half - y); v++) {
    const first = Math.max(0, half - x);
    const end = Math.min(side, width + half - x);
    if (end <= first) continue;
    const from = (y - half + v) * width + x - half;
    out.set(picture.subarray(from + first, from + end), v * side + first);
  }
  return out;
}
