// The versions of the store's file: forward in order, all or nothing, never back.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isPodError } from "../../../src/base/errors.ts";
import { numberOf, openDatabase } from "../../../src/store/database.ts";
import { migrations } from "../../../src/store/migrations.ts";

const databases = suite<{ path: string }>("openDatabase()");

databases.before.each((context) => {
  context.path = join(mkdtempSync(join(tmpdir(), "nspod-database-")), "nspod.db");
});
databases.after.each(({ path }) => rmSync(join(path, ".."), { recursive: true }));

/** Two versions more than there are. */
const later = [
  ...migrations,
  "ALTER TABLE records ADD COLUMN note TEXT;",
  "UPDATE records SET note = json_extract(body, '$.old'), body = json_object('new', json_extract(body, '$.old'));",
];

function version(path: string): number {
  using database = openDatabase(path, later);
  return numberOf(database, "PRAGMA user_version");
}

databases("takes an older file forward, step by step, with what is in it", ({ path }) => {
  using old = openDatabase(path);
  assert.is(numberOf(old, "PRAGMA user_version"), migrations.length);
  old.exec("INSERT INTO records VALUES ('pods', 'a', '{\"old\":7}')");
  old.close();
  using database = openDatabase(path, later);
  assert.is(numberOf(database, "PRAGMA user_version"), later.length);
  const row = database.prepare("SELECT body, note FROM records").get();
  assert.equal({ ...row }, { body: '{"new":7}', note: "7" });
  database.close();
  // Again there is nothing to do: the second step would find no "old".
  using again = openDatabase(path, later);
  assert.is(again.prepare("SELECT body FROM records").get()?.["body"], '{"new":7}');
});

databases("makes a new file by the same steps", ({ path }) => {
  assert.is(version(path), later.length);
  using database = openDatabase(path, later);
  const columns = database.prepare("SELECT name FROM pragma_table_info('records')").all();
  assert.equal(
    columns.map((column) => column["name"]),
    ["store", "key", "body", "note"],
  );
});

databases("does all steps or none", ({ path }) => {
  openDatabase(path).close();
  const broken = [...migrations, "CREATE TABLE extra (a TEXT);", "INSERT INTO nowhere VALUES (1);"];
  assert.throws(() => openDatabase(path, broken), /no such table: nowhere/);
  using database = openDatabase(path);
  assert.is(numberOf(database, "PRAGMA user_version"), migrations.length);
  const extra = "SELECT count(*) FROM sqlite_schema WHERE name = 'extra'";
  assert.is(numberOf(database, extra), 0);
});

databases("never goes back", ({ path }) => {
  openDatabase(path, later).close();
  assert.throws(
    () => openDatabase(path),
    (error: unknown) =>
      isPodError(error, "FailedPrecondition") &&
      error.message ===
        `Cannot open store "${path}": its format is version ${later.length}, this nspod reads up to version ${migrations.length}: use the nspod that wrote it, or a newer one`,
  );
  assert.is(version(path), later.length);
});

databases.run();
