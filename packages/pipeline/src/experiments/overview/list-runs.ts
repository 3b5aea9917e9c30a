import type { Where } from '../query/where.ts';
import type { RunRecord } from '../record/run-record.ts';
import type { RunStore } from '../store/open-store.ts';
import type { QueriedRun, RunQuery } from '../store/query-runs.ts';

/** What a list shows unless told otherwise. Dice are those of lesions and livers on validation patients; test beside them. */
export const usualColumns = [
  'kind',
  'state',
  'recipe',
  'weights',
  'epochs',
  'validationLesionDice',
  'validationLiverDice',
  'testLesionDice',
  'testLiverDice',
  'seconds',
  'started',
] as const;

export interface ListedRun {
  /** Folder relative to the store. */
  readonly run: string;
  readonly values: QueriedRun['values'];
  /** Of a damaged run, what is wrong. */
  readonly damage?: string;
  /** Test patients of the run that chose something in a run of the store: its test scores are none. */
  readonly usedForChoosing: readonly string[];
  /** Test patients whose curve could be seen while it trained. */
  readonly watched: readonly string[];
}

export interface RunList {
  /** Matching runs, listed or not. */
  readonly total: number;
  readonly runs: readonly ListedRun[];
  /** Of all that match, the finished training with the highest lesion Dice on validation patients; null without one, or without a rival. */
  readonly best: string | null;
  /** How many different groups of patients the matching trainings validate on: Dice of different groups do not compare. */
  readonly validationGroups: number;
}

/** @throws PipelineError `option-invalid` for unknown fields */
export function listRuns(store: RunStore, query: RunQuery): RunList {
  const extra = ['damage', 'testCases', 'evaluatedCases'];
  const { runs, total } = store.query({ ...query, columns: [...query.columns, ...extra] });
  const listed = runs.map(({ folder, values }): ListedRun => {
    const isTested = Number(values.testCases ?? 0) > 0 || Number(values.evaluatedCases ?? 0) > 0;
    const record = isTested ? recordOf(store, folder) : undefined;
    return {
      run: folder === '' ? '.' : folder,
      values: Object.fromEntries(
        query.columns.flatMap((name) => (values[name] === undefined ? [] : [[name, values[name]]])),
      ),
      ...(values.damage !== undefined && { damage: String(values.damage) }),
      usedForChoosing: record === undefined ? [] : chosenTesters(store, record),
      watched: record?.watched ?? [],
    };
  });
  return { total, runs: listed, ...bestOf(store, query.where) };
}

function recordOf(store: RunStore, folder: string): RunRecord | undefined {
  return store.recordOf(folder === '' ? store.folder : `${store.folder}/${folder}`);
}

/** Not those whose side is validation: they are in no test score. */
function chosenTesters(store: RunStore, record: RunRecord): string[] {
  const testers = new Set(
    record.cases.filter(({ side }) => side !== 'validation').map(({ patient }) => patient),
  );
  return store.chosen(record).flatMap(({ patient }) => (testers.has(patient) ? [patient] : []));
}

/** By validation only: what a test says never makes a run the best. */
function bestOf(store: RunStore, where: Where | undefined): Pick<RunList, 'best' | 'validationGroups'> {
  const is = (field: string, text: string): Where => ({
    kind: 'compare',
    field,
    operator: '=',
    value: { text, number: null },
  });
  const trained: Where[] = [is('kind', 'train'), is('state', 'finished'), is('validationSlices', 'all')];
  const { runs } = store.query({
    where: { kind: 'and', parts: where === undefined ? trained : [where, ...trained] },
    sort: { field: 'validationLesionDice', descending: true },
    columns: ['validationLesionDice', 'split.validation'],
  });
  const scored = runs.filter(({ values }) => values.validationLesionDice !== undefined);
  const groups = new Set(scored.map(({ values }) => values['split.validation']));
  const isOne = groups.size === 1 && scored.length > 1;
  return { best: isOne ? scored[0]!.folder : null, validationGroups: groups.size };
}
