import { attachEvaluations } from '../record/attach-evaluations.ts';
import { patientFiles } from '../record/patient-files.ts';
import { recordFields } from '../record/record-fields.ts';
import type { RunRecord } from '../record/run-record.ts';
import type { IndexDatabase } from './index-database.ts';

/** A run as it goes into the index. */
export interface IndexedRun {
  /** Relative to the store. */
  readonly folder: string;
  /** Empty when the run may have changed again within the clock's grain: it is read anew next time. */
  readonly stamp: string;
  readonly record: RunRecord;
}

/** Puts runs into the index and takes others out; call it in a transaction. */
export function writeRuns(
  database: IndexDatabase,
  changed: readonly IndexedRun[],
  removed: readonly string[],
): void {
  const touched = createTouched();
  const find = database.prepare(
    'SELECT id, model, plan, evaluatedModel, evaluatedPlan FROM runs WHERE folder = ?',
  );
  const deletes = ['fields WHERE run', 'choosers WHERE run', 'runs WHERE id'].map((what) =>
    database.prepare(`DELETE FROM ${what} = ?`),
  );
  for (const folder of [...removed, ...changed.map((run) => run.folder)]) {
    const old = find.get(folder) as (Keys & { id: number }) | undefined;
    if (old === undefined) continue;
    touched.add(old);
    for (const statement of deletes) statement.run(old.id);
  }
  const insert = database.prepare(
    'INSERT INTO runs (folder, stamp, kind, state, model, plan, evaluatedModel, evaluatedPlan, own) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
  );
  const insertChooser = database.prepare(
    'INSERT OR IGNORE INTO choosers (patient, hash, run) VALUES (?, ?, ?)',
  );
  const writeFields = createFieldWriter(database);
  for (const { folder, stamp, record } of changed) {
    const keys = keysOf(record);
    touched.add(keys);
    const { lastInsertRowid } = insert.run(
      ...[folder, stamp, record.kind, record.state],
      ...[keys.model, keys.plan, keys.evaluatedModel, keys.evaluatedPlan, JSON.stringify(record)],
    );
    const run = Number(lastInsertRowid);
    writeFields(run, folder, record);
    for (const patient of record.choosers) {
      const hashes = patientFiles(record, patient);
      for (const hash of hashes.length === 0 ? [''] : hashes) insertChooser.run(patient, hash, run);
    }
  }
  attachTouched(database, touched.models, touched.plans, writeFields);
}

/** By which an evaluation and its run find each other. */
interface Keys {
  readonly model: string | null;
  readonly plan: string | null;
  readonly evaluatedModel: string | null;
  readonly evaluatedPlan: string | null;
}

function keysOf({ kind, modelHash, planHash, evaluates }: RunRecord): Keys {
  const isTraining = kind === 'train';
  return {
    model: isTraining ? modelHash : null,
    plan: isTraining ? planHash : null,
    evaluatedModel: evaluates?.model ?? null,
    evaluatedPlan: evaluates?.plan ?? null,
  };
}

/** Hashes of models and plans whose runs or evaluations have changed. */
function createTouched() {
  const models = new Set<string>();
  const plans = new Set<string>();
  return {
    models,
    plans,
    add: ({ model, plan, evaluatedModel, evaluatedPlan }: Keys) => {
      for (const hash of [model, evaluatedModel]) if (hash !== null) models.add(hash);
      for (const hash of [plan, evaluatedPlan]) if (hash !== null) plans.add(hash);
    },
  };
}

function createFieldWriter(database: IndexDatabase) {
  const findName = database.prepare('SELECT id FROM names WHERE name = ?');
  const insertName = database.prepare('INSERT INTO names (name) VALUES (?)');
  const clear = database.prepare('DELETE FROM fields WHERE run = ?');
  const insert = database.prepare('INSERT INTO fields (name, run, number, text) VALUES (?, ?, ?, ?)');
  const ids = new Map<string, number>();
  const idOf = (name: string): number => {
    const known = ids.get(name);
    if (known !== undefined) return known;
    const row = findName.get(name) as { id: number } | undefined;
    const id = row?.id ?? Number(insertName.run(name).lastInsertRowid);
    ids.set(name, id);
    return id;
  };
  return (run: number, folder: string, record: RunRecord, isThere = false) => {
    if (isThere) clear.run(run);
    for (const [name, value] of Object.entries({ ...recordFields(record), folder })) {
      insert.run(idOf(name), run, typeof value === 'number' ? value : null, String(value));
    }
  };
}

/** Brings test scores and the like of evaluations to the runs whose models they are of. */
function attachTouched(
  database: IndexDatabase,
  models: ReadonlySet<string>,
  plans: ReadonlySet<string>,
  writeFields: ReturnType<typeof createFieldWriter>,
): void {
  const isEvaluated = database.prepare(
    'SELECT 1 FROM runs WHERE evaluatedModel IN (SELECT value FROM json_each(?)) OR evaluatedPlan IN (SELECT value FROM json_each(?)) LIMIT 1',
  );
  const lists = [JSON.stringify([...models]), JSON.stringify([...plans])];
  const hasAttached = database.prepare(
    'SELECT 1 FROM runs WHERE whole IS NOT NULL AND (model IN (SELECT value FROM json_each(?)) OR plan IN (SELECT value FROM json_each(?))) LIMIT 1',
  );
  if (isEvaluated.get(...lists) === undefined && hasAttached.get(...lists) === undefined) return;
  const trainings = database
    .prepare(
      'SELECT id, folder, own, whole, model, plan FROM runs WHERE model IN (SELECT value FROM json_each(?)) OR plan IN (SELECT value FROM json_each(?))',
    )
    .all(...lists) as {
    id: number;
    folder: string;
    own: string;
    whole: string | null;
    model: string | null;
    plan: string | null;
  }[];
  const evaluations = database.prepare('SELECT own FROM runs WHERE evaluatedModel = ? OR evaluatedPlan = ?');
  const update = database.prepare('UPDATE runs SET whole = ? WHERE id = ?');
  for (const { id, folder, own, whole, model, plan } of trainings) {
    const found = (evaluations.all(model, plan) as { own: string }[]).map(
      (row) => JSON.parse(row.own) as RunRecord,
    );
    const record = JSON.parse(own) as RunRecord;
    const attached = attachEvaluations(record, found);
    const text = attached === record ? null : JSON.stringify(attached);
    if (text === whole) continue;
    update.run(text, id);
    writeFields(id, folder, attached, true);
  }
}
