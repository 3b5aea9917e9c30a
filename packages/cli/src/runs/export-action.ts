import { parseWhere } from '@glisson/pipeline/experiments/query/parse-where';
import { parseSort } from '@glisson/pipeline/experiments/query/sort-order';
import type { VerbContext, VerbResult } from '../verb.ts';
import { type ExportOptions, exportRuns } from './export-runs.ts';
import type { ListOptions } from './list-runs.ts';
import { withStore } from './with-store.ts';

/** `runs export`: which runs, from which folder. */
export async function exportAction(
  options: ExportOptions & ListOptions,
  context: VerbContext,
): Promise<VerbResult> {
  const { where, sort, limit = 'all' } = options;
  return withStore(options.runs, context, (store) => {
    const chosen = store.records({
      ...(where !== undefined && { where: parseWhere(where) }),
      ...(sort !== undefined && { sort: parseSort(sort) }),
      ...(limit !== 'all' && { limit }),
    });
    return exportRuns({ store, chosen }, options, context);
  });
}
