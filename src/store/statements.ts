/** Every SQL statement that reads or writes rows; store.ts draws the tables. */
import type { DatabaseSync, StatementSync } from "node:sqlite";

/** Prepared once per store. */
export interface Statements {
  readonly get: StatementSync;
  readonly listAll: StatementSync;
  readonly listNamespace: StatementSync;
  readonly pageAll: StatementSync;
  readonly pageNamespace: StatementSync;
  readonly countAll: StatementSync;
  readonly countNamespace: StatementSync;
  readonly search: StatementSync;
  readonly put: StatementSync;
  readonly remove: StatementSync;
  readonly log: StatementSync;
  readonly compact: StatementSync;
  readonly changes: StatementSync;
  readonly changesWithPrevious: StatementSync;
  readonly objectsBefore: StatementSync;
  readonly countsBeyond: StatementSync;
  readonly oldest: StatementSync;
  readonly getRecord: StatementSync;
  readonly putRecord: StatementSync;
  readonly deleteRecord: StatementSync;
  readonly listRecords: StatementSync;
}

/** @param database - with the tables of database.ts. */
export function prepareStatements(database: DatabaseSync): Statements {
  // "+": not by the index of objects, which finds every change of the kind, and then sorts them.
  const changes = (more: string) =>
    database.prepare(
      `SELECT revision, type, body${more} FROM changes AS c
       WHERE +kind = ? AND revision > ? AND (? IS NULL OR namespace = ?) ORDER BY revision LIMIT ?`,
    );
  return {
    get: database.prepare("SELECT body FROM objects WHERE kind = ? AND namespace = ? AND name = ?"),
    listAll: database.prepare("SELECT body FROM objects WHERE kind = ? ORDER BY namespace, name"),
    listNamespace: database.prepare(
      "SELECT body FROM objects WHERE kind = ? AND namespace = ? ORDER BY name",
    ),
    pageAll: database.prepare(
      "SELECT body FROM objects WHERE kind = ? AND (namespace, name) > (?, ?) ORDER BY namespace, name LIMIT ?",
    ),
    pageNamespace: database.prepare(
      "SELECT body FROM objects WHERE kind = ? AND namespace = ? AND name > ? ORDER BY name LIMIT ?",
    ),
    countAll: database.prepare(
      "SELECT count(*) AS count FROM objects WHERE kind = ? AND (namespace, name) > (?, ?)",
    ),
    countNamespace: database.prepare(
      "SELECT count(*) AS count FROM objects WHERE kind = ? AND namespace = ? AND name > ?",
    ),
    search: database.prepare(
      "SELECT body FROM objects WHERE instr(body, ?) > 0 ORDER BY kind, namespace, name",
    ),
    put: database.prepare(
      "INSERT OR REPLACE INTO objects (kind, namespace, name, revision, written_ms, body) VALUES (?, ?, ?, ?, ?, ?)",
    ),
    remove: database.prepare("DELETE FROM objects WHERE kind = ? AND namespace = ? AND name = ?"),
    log: database.prepare(
      "INSERT INTO changes (revision, kind, namespace, name, type, body) VALUES (?, ?, ?, ?, ?, ?)",
    ),
    compact: database.prepare("DELETE FROM changes WHERE revision <= ?"),
    changes: changes(""),
    changesWithPrevious: changes(
      `, (SELECT p.body FROM changes AS p WHERE p.kind = c.kind AND p.namespace = c.namespace
          AND p.name = c.name AND p.revision < c.revision ORDER BY p.revision DESC LIMIT 1) AS previous`,
    ),
    objectsBefore: database.prepare("SELECT body FROM objects WHERE kind = ? AND written_ms < ?"),
    countsBeyond: database.prepare(
      `SELECT namespace, count(*) AS count FROM objects WHERE kind = ?
       GROUP BY namespace HAVING count(*) > ?`,
    ),
    oldest: database.prepare(
      "SELECT body FROM objects WHERE kind = ? AND namespace = ? ORDER BY written_ms, revision LIMIT ?",
    ),
    getRecord: database.prepare("SELECT body FROM records WHERE store = ? AND key = ?"),
    putRecord: database.prepare(
      "INSERT OR REPLACE INTO records (store, key, body) VALUES (?, ?, ?)",
    ),
    deleteRecord: database.prepare("DELETE FROM records WHERE store = ? AND key = ?"),
    listRecords: database.prepare("SELECT key, body FROM records WHERE store = ? ORDER BY key"),
  };
}
