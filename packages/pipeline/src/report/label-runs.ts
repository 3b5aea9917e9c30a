/**
 * Run-length code of a label slice for the report page: alternating (label, length) written as LEB128 numbers
 * `length * 4 + label`, base64. Empty slices give an empty text.
 * @param labels values 0 to 3
 */
export function encodeLabelRuns(labels: Uint8Array): string {
  const bytes: number[] = [];
  let at = 0;
  let hasLabel = false;
  while (at < labels.length) {
    const label = labels[at]!;
    let end = at + 1;
    while (end < labels.length && labels[end] === label) end++;
    if (label !== 0) hasLabel = true;
    let number = (end - at) * 4 + label;
    while (number >= 0x80) {
      bytes.push((number % 0x80) | 0x80);
      number = Math.floor(number / 0x80);
    }
    bytes.push(number);
    at = end;
  }
  return hasLabel ? Buffer.from(bytes).toString('base64') : '';
}
