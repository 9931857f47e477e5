/**
 * The tables of the store as the steps that led to them: step n takes a file of version n - 1 (`user_version`) to n, and
 * a new file goes through all of them. So a converted store and a new one are the same.
 *
 * A step that was released is never changed. One that changes what objects or records hold uses SQLite's JSON functions
 * on `body`; a field that is only added needs none, its reader says what its absence means.
 */
export const migrations: readonly string[] = [
  `CREATE TABLE objects (
     kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
     revision INTEGER NOT NULL, written_ms INTEGER NOT NULL, body TEXT NOT NULL,
     PRIMARY KEY (kind, namespace, name)
   ) WITHOUT ROWID, STRICT;
   CREATE INDEX objects_by_age ON objects (kind, written_ms);
   CREATE TABLE changes (
     revision INTEGER PRIMARY KEY,
     kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
     type TEXT NOT NULL, body TEXT NOT NULL
   ) STRICT;
   CREATE INDEX changes_by_object ON changes (kind, namespace, name, revision);
   CREATE TABLE records (
     store TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL,
     PRIMARY KEY (store, key)
   ) WITHOUT ROWID, STRICT;`,
];
