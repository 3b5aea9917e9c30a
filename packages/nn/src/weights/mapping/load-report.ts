import { formatShape, type Shape } from '../../graph/shape.ts';

/** What became of every array of a file and of a network. */
export interface LoadReport {
  /** Arrays of the network that have got values, and the file's name of each. */
  readonly loaded: readonly { readonly name: string; readonly from: string }[];
  /** Those of the loaded ones that were changed on the way. */
  readonly adapted: readonly { readonly name: string; readonly from: string; readonly how: string }[];
  /** Arrays of the file that went nowhere. */
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  /** Arrays of the network that have got nothing. */
  readonly missing: readonly { readonly name: string; readonly shape: Shape }[];
}

/**
 * A report as text, without a line feed at its end.
 * @param mostNames how many names of a list are shown (default all)
 */
export function formatLoadReport(report: LoadReport, mostNames = Number.POSITIVE_INFINITY): string {
  const { loaded, adapted, skipped, missing } = report;
  const wanted = loaded.length + missing.length;
  const lines = [`Loaded ${loaded.length} of ${wanted} arrays.`];
  const add = (title: string, items: readonly string[]) => {
    if (items.length === 0) return;
    lines.push(title, ...items.slice(0, mostNames).map((item) => `  ${item}`));
    if (items.length > mostNames) lines.push(`  and ${items.length - mostNames} more`);
  };
  const renamed = loaded.filter(({ name, from }) => name !== from);
  add(
    `Loaded under another name (${renamed.length}):`,
    renamed.map(({ name, from }) => `${name} from ${from}`),
  );
  add(
    `Changed on the way (${adapted.length}):`,
    adapted.map(({ name, how }) => `${name}: ${how}`),
  );
  add(
    `In the network, not in the file (${missing.length}):`,
    missing.map(({ name, shape }) => `${name} ${formatShape(shape)}`),
  );
  const reasons = new Map<string, string[]>();
  for (const { name, reason } of skipped) reasons.set(reason, [...(reasons.get(reason) ?? []), name]);
  for (const [reason, names] of reasons) add(`In the file, not used (${names.length}): ${reason}`, names);
  return lines.join('\n');
}
