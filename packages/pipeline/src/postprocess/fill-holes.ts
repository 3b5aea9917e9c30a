/**
 * Fills the holes of a 2-D region: background pixels that no path over shared edges (4-neighbours) joins to the
 * rim of the image become `value`. Changes `labels` in place.
 * @param labels one slice [height, width]; everything above 0 is the region
 * @returns number of pixels filled
 */
export function fillSliceHoles(labels: Uint8Array, width: number, height: number, value: number): number {
  const outside = new Uint8Array(labels.length);
  const stack: number[] = [];
  const visit = (at: number) => {
    if (labels[at] === 0 && outside[at] === 0) {
      outside[at] = 1;
      stack.push(at);
    }
  };
  for (let x = 0; x < width; x++) {
    visit(x);
    visit((height - 1) * width + x);
  }
  for (let y = 0; y < height; y++) {
    visit(y * width);
    visit(y * width + width - 1);
  }
  while (stack.length > 0) {
    const at = stack.pop()!;
    const x = at % width;
    if (x > 0) visit(at - 1);
    if (x < width - 1) visit(at + 1);
    if (at >= width) visit(at - width);
    if (at < labels.length - width) visit(at + width);
  }
  let filled = 0;
  for (let at = 0; at < labels.length; at++) {
    if (labels[at] === 0 && outside[at] === 0) {
      labels[at] = value;
      filled++;
    }
  }
  return filled;
}
