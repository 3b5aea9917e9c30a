import { listRuns, type RunList, usualColumns } from '@glisson/pipeline/experiments/overview/list-runs';
import { parseWhere } from '@glisson/pipeline/experiments/query/parse-where';
import { parseSort } from '@glisson/pipeline/experiments/query/sort-order';
import { renderTable } from '../terminal/table.ts';
import type { VerbContext, VerbResult } from '../verb.ts';
import { formatValue, headingOf } from './format-values.ts';
import { withStore } from './with-store.ts';

export interface ListOptions {
  readonly runs?: string;
  readonly where?: string;
  readonly sort?: string;
  readonly limit?: number | 'all';
  readonly columns?: readonly string[];
}

const usualLimit = 50;

/** `runs list` */
export async function listAction(options: ListOptions, context: VerbContext): Promise<VerbResult> {
  const { where, sort, limit = usualLimit, columns = usualColumns } = options;
  const query = {
    ...(where !== undefined && { where: parseWhere(where) }),
    ...(sort !== undefined && { sort: parseSort(sort) }),
    ...(limit !== 'all' && { limit }),
    columns,
  };
  return withStore(options.runs, context, (store) => {
    const list = listRuns(store, query);
    return {
      json: { schema: 'glisson.runs/1', store: store.folder, ...list },
      text: context.json ? '' : listText(list, columns),
    };
  });
}

function listText(list: RunList, columns: readonly string[]): string {
  if (list.total === 0) return 'No runs.';
  const isTest = (column: string) => /^(test|evaluated).*(Dice|IoU)$/i.test(column);
  const rows = list.runs.map(({ run, values, usedForChoosing, watched }) => [
    run === list.best ? `${run} *` : run,
    ...columns.map((column) => {
      const text = formatValue(column, values[column]);
      if (text === '' || !isTest(column)) return text;
      return `${text}${usedForChoosing.length > 0 ? ' !' : ''}${watched.length > 0 ? ' w' : ''}`;
    }),
  ]);
  return [renderTable(['run', ...columns.map(headingOf)], rows), '', ...footnotes(list)].join('\n');
}

function footnotes({ total, runs, best, validationGroups }: RunList): string[] {
  const notes: string[] = [];
  if (runs.length < total) notes.push(`${runs.length} of ${total} runs; --limit all shows all.`);
  if (best !== null)
    notes.push('* best: the highest lesion Dice on validation patients. Test scores choose nothing.');
  else if (validationGroups > 1) {
    notes.push(
      `No best: these runs validate on ${validationGroups} different groups of patients, so that their Dice do not compare.`,
    );
  }
  const chosen = runs.filter(({ usedForChoosing }) => usedForChoosing.length > 0);
  if (chosen.length > 0) {
    const patients = [...new Set(chosen.flatMap(({ usedForChoosing }) => usedForChoosing))];
    notes.push(
      `! no test: ${patients.join(', ')} chose something in a run of this store (glisson runs show RUN says where).`,
    );
  }
  if (runs.some(({ watched }) => watched.length > 0)) {
    notes.push('w watched: the test patients were scored after each epoch, for the eye (--watch-test).');
  }
  for (const { run, damage } of runs) if (damage !== undefined) notes.push(`damaged: ${run}: ${damage}`);
  return notes;
}
