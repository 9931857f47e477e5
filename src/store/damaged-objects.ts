/**
 * Objects that cannot be read: half a page that a disk forgot, a row that somebody edited. One of them would make an
 * error of every list of its kind. They are taken out when the store is opened, and what is left of them is kept in
 * the records `damaged-objects`; whoever watches hears that the object is gone.
 */
import type { DatabaseSync } from "node:sqlite";
import { numberOf } from "./database.ts";

/** Where the bodies go; the key is the object's name in words. */
export const damagedStore = "damaged-objects";

interface Row {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly body: string;
}

// Whatever is no JSON object of this kind and name.
const isDamaged = `CASE WHEN json_valid(body) THEN json_extract(body, '$.kind') IS NOT kind
  OR json_extract(body, '$.metadata.name') IS NOT name
  OR ifnull(json_extract(body, '$.metadata.namespace'), '') IS NOT namespace ELSE 1 END`;

/** @returns the objects that were taken out, in words: `Pod default/web`. */
export function takeOutDamaged(database: DatabaseSync): readonly string[] {
  const found = rowsOf(
    database,
    `SELECT kind, namespace, name, body FROM objects WHERE ${isDamaged}`,
  );
  const last = numberOf(database, `SELECT max(revision) FROM changes WHERE ${isDamaged}`);
  if (found.length === 0 && last === 0) return [];
  const remove = database.prepare(
    "DELETE FROM objects WHERE kind = ? AND namespace = ? AND name = ?",
  );
  const keep = database.prepare(
    "INSERT OR REPLACE INTO records (store, key, body) VALUES (?, ?, ?)",
  );
  const tell = database.prepare(
    "INSERT INTO changes (revision, kind, namespace, name, type, body) VALUES (?, ?, ?, ?, 'DELETED', ?)",
  );
  database.exec("BEGIN IMMEDIATE");
  let revision = numberOf(database, "SELECT max(revision) FROM changes");
  for (const row of found) {
    const { kind, namespace, name, body } = row;
    remove.run(kind, namespace, name);
    keep.run(damagedStore, inWords(row), JSON.stringify(body));
    tell.run(++revision, kind, namespace, name, JSON.stringify(lastOf(row, revision)));
  }
  // The newest revision stays: it is counted on from there. Nobody watches the kind "".
  database
    .prepare("UPDATE changes SET kind = '', body = '{}' WHERE revision = ? AND revision = ?")
    .run(revision, last);
  database.prepare("DELETE FROM changes WHERE revision <= ? AND revision < ?").run(last, revision);
  database.exec("COMMIT");
  return found.map(inWords);
}

function rowsOf(database: DatabaseSync, sql: string): readonly Row[] {
  return database
    .prepare(sql)
    .all()
    .map((row) => ({
      kind: String(row["kind"]),
      namespace: String(row["namespace"]),
      name: String(row["name"]),
      body: String(row["body"]),
    }));
}

function inWords({ kind, namespace, name }: Row): string {
  return `${kind} ${namespace === "" ? "" : `${namespace}/`}${name}`;
}

/** What is known of it still; of which version of the API it was is not. */
function lastOf({ kind, namespace, name }: Row, revision: number): object {
  return {
    apiVersion: "v1",
    kind,
    metadata: { namespace, name, uid: "", resourceVersion: String(revision) },
  };
}
