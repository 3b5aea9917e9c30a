import { fullFieldName } from '../query/field-names.ts';
import type { SortOrder } from '../query/sort-order.ts';
import { renameFields, type Where } from '../query/where.ts';
import type { RunRecord } from '../record/run-record.ts';
import { compileWhere } from './compile-where.ts';
import type { IndexDatabase } from './index-database.ts';
import { schemaFieldNames } from './schema-fields.ts';

export interface RunQuery {
  readonly where?: Where;
  /** Default: the newest first. */
  readonly sort?: SortOrder;
  /** Default: all. */
  readonly limit?: number;
  /** Names of fields, long or short. */
  readonly columns: readonly string[];
}

/** A run and those of the asked values that it has. */
export interface QueriedRun {
  /** Relative to the store. */
  readonly folder: string;
  /** By the names that were asked for. */
  readonly values: Readonly<Record<string, number | string>>;
}

export interface QueriedRuns {
  /** Matching runs, shown or not. */
  readonly total: number;
  readonly runs: readonly QueriedRun[];
}

/** @throws PipelineError `option-invalid` for unknown fields */
export function queryRuns(database: IndexDatabase, query: RunQuery): QueriedRuns {
  const names = readNames(database);
  const { ids, total } = selectIds(database, query, names);
  const columns = query.columns.map((asked) => {
    const full = names.resolve(asked, '--columns');
    return { asked, id: names.ids.get(full) };
  });
  const askedById = new Map<number, string[]>();
  for (const { asked, id } of columns) {
    if (id !== undefined) askedById.set(id, [...(askedById.get(id) ?? []), asked]);
  }
  const folders = database
    .prepare('SELECT id, folder FROM runs WHERE id IN (SELECT value FROM json_each(?))')
    .all(JSON.stringify(ids)) as { id: number; folder: string }[];
  const folderOf = new Map(folders.map(({ id, folder }) => [id, folder]));
  const values = new Map<number, Record<string, number | string>>(ids.map((id) => [id, {}]));
  const isAll = ids.length > 2000;
  const cells = database
    .prepare(
      `SELECT run, name, number, text FROM fields WHERE name IN (SELECT value FROM json_each(?))${isAll ? '' : ' AND run IN (SELECT value FROM json_each(?))'}`,
    )
    .all(JSON.stringify([...askedById.keys()]), ...(isAll ? [] : [JSON.stringify(ids)])) as FieldRow[];
  for (const { run, name, number, text } of cells) {
    const row = values.get(run);
    if (row === undefined) continue;
    for (const asked of askedById.get(name) ?? []) row[asked] = number ?? text;
  }
  return { total, runs: ids.map((id) => ({ folder: folderOf.get(id)!, values: values.get(id)! })) };
}

/** @throws PipelineError `option-invalid` for unknown fields */
export function selectRecords(database: IndexDatabase, query: Omit<RunQuery, 'columns'>): RunRecord[] {
  const { ids } = selectIds(database, query, readNames(database));
  const rows = database
    .prepare(
      'SELECT id, coalesce(whole, own) AS record FROM runs WHERE id IN (SELECT value FROM json_each(?))',
    )
    .all(JSON.stringify(ids)) as { id: number; record: string }[];
  const records = new Map(rows.map(({ id, record }) => [id, record]));
  return ids.map((id) => JSON.parse(records.get(id)!) as RunRecord);
}

/** The record of a run by its folder relative to the store. */
export function recordOfFolder(database: IndexDatabase, folder: string): RunRecord | undefined {
  const row = database
    .prepare('SELECT coalesce(whole, own) AS record FROM runs WHERE folder = ?')
    .get(folder) as { record: string } | undefined;
  return row === undefined ? undefined : (JSON.parse(row.record) as RunRecord);
}

interface FieldRow {
  readonly run: number;
  readonly name: number;
  readonly number: number | null;
  readonly text: string;
}

interface Names {
  readonly ids: ReadonlyMap<string, number>;
  resolve(name: string, where: string): string;
}

function readNames(database: IndexDatabase): Names {
  const rows = database.prepare('SELECT id, name FROM names').all() as { id: number; name: string }[];
  const ids = new Map(rows.map(({ id, name }) => [name, id]));
  const known = new Set(ids.keys());
  return { ids, resolve: (name, where) => fullFieldName(name, known, schemaFieldNames, where) };
}

function selectIds(
  database: IndexDatabase,
  { where, sort = { field: 'started', descending: true }, limit }: Omit<RunQuery, 'columns'>,
  names: Names,
): { ids: number[]; total: number } {
  const condition =
    where === undefined
      ? { sql: '1', values: [] }
      : compileWhere(
          renameFields(where, (field) => names.resolve(field, '--where')),
          (field) => names.ids.get(field),
        );
  const by = names.ids.get(names.resolve(sort.field, '--sort')) ?? -1;
  const direction = sort.descending ? 'DESC' : 'ASC';
  const ids = database
    .prepare(
      `SELECT runs.id FROM runs LEFT JOIN fields AS sorted ON sorted.run = runs.id AND sorted.name = ?
       WHERE ${condition.sql}
       ORDER BY sorted.text IS NULL, sorted.number IS NULL, sorted.number ${direction}, sorted.text ${direction}, runs.folder`,
    )
    .all(by, ...condition.values) as { id: number }[];
  return { ids: ids.slice(0, limit ?? ids.length).map(({ id }) => id), total: ids.length };
}
