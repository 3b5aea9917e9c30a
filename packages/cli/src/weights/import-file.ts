import { importWeights } from '@glisson/nn/weights/cache/import-weights';
import { formatLoadReport } from '@glisson/nn/weights/mapping/load-report';
import type { VerbContext, VerbResult } from '../verb.ts';
import { megabytes, weightsFolder } from './weights-folder.ts';

export interface ImportWords {
  readonly name?: string;
  readonly key?: string;
  readonly force?: boolean;
}

/** How many names of each list are printed; JSON has them all. */
const mostNames = 5;

/** Takes a weight file into the cache, and tells what it is. Never uses the network. */
export async function importFile(
  file: string,
  options: ImportWords,
  { control, json }: Pick<VerbContext, 'control' | 'json'>,
  folder = weightsFolder(),
): Promise<VerbResult> {
  const { path, provenance, report, leftOut, arrays } = await importWeights(
    file,
    // The command's own options (--json and others) are none of the library's.
    { folder, name: options.name, key: options.key, force: options.force },
    control,
  );
  const document = { schema: 'glisson.weights-import/1', path, arrays, provenance, report, leftOut };
  if (json) return { json: document, text: '' };
  const lines = [
    `Wrote ${path}: ${arrays} arrays, ${megabytes(provenance.bytes)}`,
    `  network    ${provenance.network ?? 'none that is known; the arrays keep their names'}`,
    ...provenance.checked.map((what, i) => `  ${i === 0 ? 'checked' : '       '}    ${what}`),
  ];
  if (report !== undefined) {
    lines.push('', `As a ${provenance.network} for three channels and its published classes:`);
    lines.push(formatLoadReport(report, mostNames));
  }
  if (leftOut.length > 0) {
    lines.push('', `Left out (${leftOut.length}):`);
    lines.push(...leftOut.slice(0, mostNames).map(({ name, reason }) => `  ${name}: ${reason}`));
    if (leftOut.length > mostNames) lines.push(`  and ${leftOut.length - mostNames} more`);
  }
  return { json: document, text: lines.join('\n') };
}
