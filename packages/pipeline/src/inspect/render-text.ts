import type { InspectReport, ItemReport } from './inspect-report.ts';

/** The report for a terminal. */
export function renderInspectText(report: InspectReport): string {
  const lines: string[] = [];
  const kinds = (['scan', 'labelmap', 'other'] as const).map((kind) => {
    const count = report.items.filter((item) => item.kind === kind).length;
    const names = { scan: 'scan', labelmap: 'label image', other: 'other object' } as const;
    return count === 0 ? undefined : `${count} ${names[kind]}${count === 1 ? '' : 's'}`;
  });
  const layout = report.layout === undefined ? '' : ` (layout ${report.layout})`;
  lines.push(`${report.path}${layout}: ${kinds.filter(Boolean).join(', ') || 'no images'}`);
  for (const { severity, message, where } of report.findings) {
    lines.push(`  ${severity}: ${message}${where === undefined ? '' : ` (${where})`}`);
  }
  for (const item of report.items) lines.push('', ...renderItem(item));
  if (report.skipped.length > 0) {
    lines.push('', `Skipped ${report.skipped.length} files:`);
    for (const { where, reason } of report.skipped.slice(0, 20)) lines.push(`  ${where}: ${reason}`);
    if (report.skipped.length > 20)
      lines.push(`  … and ${report.skipped.length - 20} more (--json lists all)`);
  }
  return lines.join('\n');
}

function renderItem(item: ItemReport): string[] {
  const about = [item.format, item.modality, item.seriesDescription, item.studyDate]
    .filter(Boolean)
    .join(', ');
  const lines = [`${item.name}  [${about}]`];
  const row = (name: string, value: string) => lines.push(`  ${name.padEnd(12)}${value}`);
  if (item.path !== item.name) row('where', item.path);
  if (item.patient !== undefined) row('patient', item.patient);
  if (item.seriesInstanceUid !== undefined) row('series', item.seriesInstanceUid);
  if (item.notRead !== undefined) row('not read', item.notRead);
  const { geometry, values, labels } = item;
  if (geometry !== undefined) {
    row('size', `${geometry.size.join(' x ')} voxels`);
    row('spacing', `${geometry.spacingMm.map((v) => v.toFixed(3)).join(' x ')} mm`);
    row('extent', `${geometry.fieldOfViewMm.map((v) => v.toFixed(0)).join(' x ')} mm`);
    const tilt =
      geometry.obliqueDegrees > 0 ? `, oblique by ${geometry.obliqueDegrees.toFixed(1)} degrees` : '';
    row('orientation', `${geometry.orientationCode}, ${geometry.plane} slices${tilt}`);
  }
  if (values !== undefined) {
    const unit = values.isHounsfield ? ' HU' : '';
    row('values', `${round(values.min)} to ${round(values.max)}${unit}, mean ${round(values.mean)}`);
  }
  for (const label of labels ?? []) {
    const pieces = `${label.components} ${label.components === 1 ? 'piece' : 'pieces'}`;
    row(
      `label ${label.value}`,
      `${label.name ?? '(no name)'}: ${label.voxels} voxels, ${label.ml.toFixed(2)} ml, ${pieces}`,
    );
  }
  for (const finding of item.findings) row(finding.severity, finding.message);
  return lines;
}

function round(value: number): number {
  return Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3));
}
