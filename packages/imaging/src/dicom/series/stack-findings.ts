import type { Finding } from '../../volume/scan.ts';
import type { Stack } from './group-stacks.ts';
import type { Plane } from './instance.ts';

/** Whether stored values become Hounsfield units by the file's own word. */
export function isHounsfield(planes: readonly Plane[]): boolean {
  return planes.every(
    ({ instance, transform, imageType }) =>
      instance.modality === 'CT' &&
      !imageType.includes('LOCALIZER') &&
      (transform.stated ? (transform.type ?? 'HU').toUpperCase() === 'HU' : transform.lut !== undefined),
  );
}

/** What the headers of a stack give cause to say, its layout apart. */
export function headerFindings(stack: Stack): Finding[] {
  const { planes, selector } = stack;
  const where = `series ${selector}`;
  const findings: Finding[] = [];
  const find = (severity: Finding['severity'], code: string, message: string) =>
    findings.push({ severity, code, message, where });
  const first = planes[0]!;
  const { modality, pixels } = first.instance;
  if (modality !== 'CT') {
    find(
      'warning',
      'not-ct',
      `Modality is ${modality || '(not stated)'}, not CT: values are not Hounsfield units.`,
    );
  } else if (stack.isLocalizer) {
    find('info', 'localizer', 'A localiser (scout) image, no slice of a scan.');
  } else if (!isHounsfield(planes)) {
    const { type, stated } = planes.find((plane) => !isHounsfield([plane]))!.transform;
    find(
      'warning',
      'not-hounsfield',
      stated
        ? `Rescale Type (0028,1054) is ${type}, not HU: values are not Hounsfield units.`
        : 'Rescale Slope and Intercept are missing: values may not be Hounsfield units.',
    );
  }
  if (pixels.samples > 1) {
    find(
      'error',
      'colour',
      `The images are in colour (${pixels.photometric}), so their values are no measurement.`,
    );
  }
  if (planes.some((plane) => plane.instance.pixels.photometric === 'MONOCHROME1')) {
    find(
      'info',
      'monochrome1',
      'Shown inverted (MONOCHROME1); this concerns display only, values are as measured.',
    );
  }
  const syntaxes = new Set(planes.map((plane) => plane.instance.pixels.syntax));
  for (const syntax of syntaxes) {
    if (!syntax.lossless && syntax.compression !== 'unsupported') {
      find('warning', 'lossy', `Compressed with loss (${syntax.name}): values are approximate.`);
    }
  }
  const slopes = new Set(planes.map(({ transform }) => `${transform.slope} ${transform.intercept}`));
  if (slopes.size > 1) {
    find(
      'info',
      'rescale-varies',
      'Rescale slope or intercept differ from slice to slice; each has its own applied.',
    );
  }
  const problems = new Map<string, string[]>();
  for (const { instance } of planes) {
    if (instance.pixelProblem === undefined) continue;
    const reason = instance.pixelProblem.message.split(' Where:')[0]!;
    const files = problems.get(reason) ?? [];
    if (!files.includes(instance.entry.name)) files.push(instance.entry.name);
    problems.set(reason, files);
  }
  for (const [reason, files] of problems) find('error', 'pixels', `${reason} ${listed(files)}`);
  const remarks = new Map<string, number>();
  for (const instance of new Set(planes.map((plane) => plane.instance))) {
    for (const remark of instance.remarks) remarks.set(remark, (remarks.get(remark) ?? 0) + 1);
  }
  for (const [remark, count] of remarks) {
    find('info', 'file-form', `${count} file${count > 1 ? 's' : ''}: ${remark}.`);
  }
  return findings;
}

/** First names of a long list. */
export function listed(names: readonly string[], most = 3): string {
  return names.length <= most
    ? names.join(', ')
    : `${names.slice(0, most).join(', ')} and ${names.length - most} more`;
}
