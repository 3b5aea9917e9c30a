import type { VerbResult } from '../verb.ts';
import type { ExplainOptions } from './explain-options.ts';

/** `glisson explain network`. */
export async function network(source: string, options: ExplainOptions): Promise<VerbResult> {
  const { explainNetwork } = await import('@glisson/pipeline/explain/explain-network');
  const { networkText } = await import('@glisson/pipeline/explain/network-text');
  const { renderTable } = await import('../terminal/table.ts');
  const { head, padding, side, patch, stride } = options;
  const explanation = await explainNetwork(source, {
    ...(stride !== undefined && { stride }),
    ...(patch !== undefined && { patch }),
    ...(head !== undefined && { head }),
    ...(padding !== undefined && { padding }),
    ...(side !== undefined && { slice: side }),
  });
  const { header, rows, sentences } = networkText(explanation);
  return { json: explanation, text: [renderTable(header, rows), '', ...sentences].join('\n') };
}
