/** Raised when the tables, or what a record holds, change: an index of another version is made anew. */
export const indexVersion = 1;

/**
 * Names of fields are numbered; a run has one row for each field that it has. Text is set for numbers, too. Who chose in a run has a row for
 * each of its cases by the hash of its files, or one without where no hash is known.
 */
export const indexTables = `
CREATE TABLE runs (
  id INTEGER PRIMARY KEY,
  folder TEXT NOT NULL UNIQUE,
  stamp TEXT NOT NULL,
  kind TEXT NOT NULL,
  state TEXT NOT NULL,
  model TEXT,
  plan TEXT,
  evaluatedModel TEXT,
  evaluatedPlan TEXT,
  own TEXT NOT NULL,
  whole TEXT
);
CREATE INDEX runsByModel ON runs (model);
CREATE INDEX runsByPlan ON runs (plan);
CREATE INDEX runsByEvaluatedModel ON runs (evaluatedModel);
CREATE INDEX runsByEvaluatedPlan ON runs (evaluatedPlan);
CREATE TABLE names (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE fields (
  name INTEGER NOT NULL,
  run INTEGER NOT NULL,
  number REAL,
  text TEXT NOT NULL,
  PRIMARY KEY (name, run)
) WITHOUT ROWID;
CREATE INDEX fieldsByRun ON fields (run);
CREATE TABLE choosers (
  patient TEXT NOT NULL,
  hash TEXT NOT NULL,
  run INTEGER NOT NULL,
  PRIMARY KEY (patient, hash, run)
) WITHOUT ROWID;
CREATE INDEX choosersByHash ON choosers (hash);
CREATE INDEX choosersByRun ON choosers (run);
`;
