import { resolve } from 'node:path';
import { PipelineError } from '../../errors/pipeline-error.ts';
import { nearestName } from '../../plan/nearest-name.ts';
import { literalOf } from '../query/parse-where.ts';
import { readRun } from '../record/read-run.ts';
import type { RunRecord } from '../record/run-record.ts';
import type { RunStore } from './open-store.ts';

/**
 * The run of a name: its folder (as a path, or relative to the store), or its id. A folder outside of the store is read by
 * itself, without the scores of evaluations.
 * @throws PipelineError `run-invalid` when there is none, with the nearest name, or when several runs have the id
 */
export async function findRun(store: RunStore, name: string): Promise<RunRecord> {
  const bare = name.replace(/[/\\]+$/, '').replaceAll('\\', '/');
  for (const folder of [resolve(name), resolve(store.folder, name)]) {
    const record = store.recordOf(folder);
    if (record !== undefined) return record;
  }
  const value = literalOf(bare, true);
  const byId = store.records({ where: { kind: 'compare', field: 'id', operator: '=', value } });
  if (byId.length === 1) return byId[0]!;
  const { runs } = store.query({ columns: ['id'] });
  if (byId.length > 1) {
    throw new PipelineError('run-invalid', `Several runs are called ${name}.`, {
      where: store.folder,
      found: byId.map(({ folder }) => folder).join(', '),
      advice: 'Name the folder of one of them.',
    });
  }
  const outside = await readRun(name).catch((error: unknown) => {
    if (!(error instanceof PipelineError)) throw error;
    return undefined;
  });
  if (outside !== undefined) return outside;
  const near = nearestName(bare, [
    ...runs.map(({ folder }) => folder),
    ...runs.map(({ values }) => String(values.id)),
  ]);
  throw new PipelineError('run-invalid', `There is no run ${name}.`, {
    where: store.folder,
    expected: 'the folder of a run, absolute or relative to the folder of runs, or the id of one',
    advice: near === undefined ? 'glisson runs list says which runs there are.' : `Did you mean ${near}?`,
  });
}
