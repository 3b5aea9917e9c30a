/**
 * A number as a DICOM decimal string (VR DS, PS3.5 section 6.2): at most 16 characters, as exact as they allow.
 */
export function decimalString(value: number): string {
  if (Object.is(value, -0)) return '0';
  let text = String(value);
  for (let digits = 16; text.length > 16 && digits > 0; digits--) {
    text = String(Number(value.toPrecision(digits)));
  }
  return text;
}
