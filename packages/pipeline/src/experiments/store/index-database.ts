import { rmSync } from 'node:fs';
import Database from 'libsql';
import { indexTables, indexVersion } from './index-schema.ts';

export type IndexDatabase = Database.Database;

/** How long one process waits for another that writes the index, in ms. */
const patienceMs = 15_000;

/**
 * Opens an index file, or makes one (`:memory:` too). One of another version is emptied first.
 * @throws SqliteError, see `isDamaged` and `isUnwritable`
 */
export function openIndexDatabase(path: string): IndexDatabase {
  const database = new Database(path, { timeout: patienceMs });
  try {
    if (versionOf(database) !== indexVersion) createTables(database);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function versionOf(database: IndexDatabase): number {
  return (database.prepare('PRAGMA user_version').get() as { user_version: number }).user_version;
}

/** Drops whatever tables there are and makes new ones. Nothing happens when another process was faster. */
function createTables(database: IndexDatabase): void {
  inTransaction(database, () => {
    if (versionOf(database) === indexVersion) return;
    const tables = database
      .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
      .all() as { name: string }[];
    for (const { name } of tables) database.exec(`DROP TABLE "${name.replaceAll('"', '""')}"`);
    database.exec(indexTables);
    database.exec(`PRAGMA user_version = ${indexVersion}`);
  });
}

/** Does all of it or nothing; other writers wait. */
export function inTransaction<T>(database: IndexDatabase, work: () => T): T {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    try {
      database.exec('ROLLBACK');
    } catch {
      // SQLite has rolled back by itself.
    }
    throw error;
  }
}

/** Takes an index away; it can always be made anew. */
export function removeIndex(path: string): void {
  for (const file of [path, `${path}-journal`, `${path}-wal`, `${path}-shm`]) rmSync(file, { force: true });
}

/** Whether an error says that the file is no whole index. */
export function isDamaged(error: unknown): boolean {
  const code = codeOf(error);
  return (
    /^SQLITE_(CORRUPT|NOTADB|FORMAT)/.test(code) ||
    (code === 'SQLITE_ERROR' && /no such (table|column)/.test(`${error}`))
  );
}

/** Whether an error says that no index can be kept here: a read-only or full disk, no permission. */
export function isUnwritable(error: unknown): boolean {
  return /^SQLITE_(CANTOPEN|READONLY|PERM|AUTH|FULL|IOERR|NOLFS)/.test(codeOf(error));
}

function codeOf(error: unknown): string {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : '';
}
