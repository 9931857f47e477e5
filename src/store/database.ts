/**
 * Opens the one SQLite file of an instance and makes sure that it is ours, whole and of a known
 * version. A damaged file is refused, never repaired or moved aside by itself: only the user can
 * say whether a copy exists, and starting empty would forget running pods.
 *
 * WAL mode: a commit is one append, and `kill -9` at any moment leaves the last commit intact.
 * Source: sqlite.org/wal.html, sqlite.org/pragma.html.
 */
import { closeSync, fchmodSync, openSync, statSync, utimesSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { type ErrorKind, hasCode, messageOf, PodError } from "../base/errors.ts";
import { migrations } from "./migrations.ts";

/** "nspd": tells our file from any other SQLite file. */
const applicationId = 0x6e737064;

/**
 * Opens or creates the file with mode 0600, and takes one of an older nspod to the newest version.
 * @param steps - for tests
 * @throws PodError FailedPrecondition when it is damaged, not ours or of a newer nspod: it stays as it is then.
 */
export function openDatabase(path: string, steps: readonly string[] = migrations): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    // SQLite gives -wal and -shm the mode of the file itself.
    const fd = openSync(path, "a", 0o600);
    fchmodSync(fd, 0o600);
    closeSync(fd);
    database = new DatabaseSync(path, { timeout: 2000, allowExtension: false });
    // First: nothing is written to a file that is not for us.
    const version = checkVersion(path, database, steps.length);
    // KiB of pages of its own: what is read often is in memory as objects, the rest in the page cache.
    database.exec("PRAGMA journal_mode = WAL; PRAGMA cache_size = -512;");
    database.exec("PRAGMA journal_size_limit = 16777216;");
    if (version > 0) checkIntegrity(path, database);
    migrate(database, version, steps);
    return database;
  } catch (error) {
    if (database?.isOpen) database.close();
    throw storeError(`Cannot open store "${path}"`, path, error);
  }
}

/** The version of the file's tables, 0 for an empty one. @throws PodError for a file that is not for us */
function checkVersion(path: string, database: DatabaseSync, newest: number): number {
  if (numberOf(database, "SELECT count(*) FROM sqlite_schema") === 0) return 0;
  if (numberOf(database, "PRAGMA application_id") !== applicationId) {
    throw new PodError(
      "FailedPrecondition",
      `Cannot open store "${path}": it is a database of another program: choose another --root`,
    );
  }
  const version = numberOf(database, "PRAGMA user_version");
  if (version <= newest) return version;
  throw new PodError(
    "FailedPrecondition",
    `Cannot open store "${path}": its format is version ${version}, this nspod reads up to version ${newest}: use the nspod that wrote it, or a newer one`,
  );
}

/** All steps that are missing, or none of them. */
function migrate(database: DatabaseSync, version: number, steps: readonly string[]): void {
  if (version === steps.length) return;
  const missing = steps.slice(version).join("\n");
  database.exec(
    `BEGIN IMMEDIATE; ${missing}
     PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${steps.length}; COMMIT;`,
  );
}

function checkIntegrity(path: string, database: DatabaseSync): void {
  const found = database.prepare("PRAGMA quick_check(1)").get()?.["quick_check"];
  if (found !== "ok") throw damaged(path, String(found));
}

/** The first column of the first row; the statements here always give a number. */
export function numberOf(database: DatabaseSync, sql: string): number {
  const row = database.prepare(sql).get() ?? {};
  return Number(Object.values(row)[0] ?? 0);
}

function damaged(path: string, reason: string, cause?: unknown): PodError {
  return new PodError(
    "FailedPrecondition",
    `Cannot open store "${path}": the file is damaged (${reason}): restore a copy, or move "${path}", "${path}-wal" and "${path}-shm" away to start with an empty store`,
    { cause, data: { reason: "Damaged", path } },
  );
}

// SQLite's primary result codes, sqlite.org/rescode.html.
const corrupt = 11;
const notADatabase = 26;
const readOnly = 8;
const ioError = 10;
const full = 13;
const kinds: ReadonlyMap<number, readonly [ErrorKind, string]> = new Map([
  [5, ["Unavailable", "another process holds it"]],
  [readOnly, ["FailedPrecondition", "the file system is read-only"]],
  [ioError, ["Internal", "the disk reports an error"]],
  [full, ["ResourceExhausted", "no space is left on the disk"]],
  [14, ["FailedPrecondition", "the file cannot be opened"]],
]);

/** What the file system says itself, to open(2) and fdatasync(2). */
const noSpace = ["ENOSPC", "EDQUOT"];

/** The sentence for an error of SQLite or of the file system; our own errors pass unchanged. */
export function storeError(action: string, path: string, error: unknown): PodError {
  if (error instanceof PodError) return error;
  const code = resultCode(path, error);
  if (code === corrupt || code === notADatabase) return damaged(path, messageOf(error), error);
  const [kind, meaning] = kinds.get(code) ?? ["Internal", messageOf(error)];
  return new PodError(kind, `${action}: ${meaning}`, { cause: error });
}

/** A primary result code of SQLite, also for what the file system has said. */
function resultCode(path: string, error: unknown): number {
  if (hasCode(error, ...noSpace)) return full;
  if (hasCode(error, "EROFS")) return readOnly;
  const code = primaryCode(error);
  return code === ioError && isReadOnly(path) ? readOnly : code;
}

function primaryCode(error: unknown): number {
  if (!(error instanceof Error) || !("errcode" in error)) return 0;
  return typeof error.errcode === "number" ? error.errcode & 0xff : 0;
}

/**
 * Whether the file system takes no writes at all: SQLite has one error for all that write(2) says about a file that is
 * open. A kernel that gave a file system up may show it as writable, so this writes what the file has already.
 */
function isReadOnly(path: string): boolean {
  try {
    const { atime, mtime } = statSync(path);
    utimesSync(path, atime, mtime);
    return false;
  } catch (error) {
    return hasCode(error, "EROFS");
  }
}
