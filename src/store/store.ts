/**
 * Objects by revision on one SQLite file, `<root>/nspod.db`:
 *
 *   objects  kind · namespace · name → revision, written_ms, body     the state now
 *   changes  revision → kind, namespace, name, type, body              the log that watches read
 *   records  store · key → body                                        tables of other parts
 *   nspod.db-reserve                                                   room for the day when the disk is full
 *
 * Invariants: one writer (the daemon holds the instance's lock); every change of an object takes
 * the next revision and one row in `changes`, in the same transaction; revisions have no gaps. The
 * newest 5,000 changes are kept: a watch that asks for older ones is "Expired" and must list anew.
 * A watch holds a position, not a queue: a reader that is slow costs no memory.
 *
 * Reads and writes are synchronous: a call sees all calls before it, and costs 10 to 100 µs; a
 * durable write adds one fsync, which `flush()` does beside the main thread. What was read or
 * written last is in memory, too; who reads an object gets the same one as others, and leaves it
 * as it is.
 */
import type { DatabaseSync } from "node:sqlite";
import { invariant } from "../base/assert.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import { isPodError, PodError } from "../base/errors.ts";
import { failpoint } from "../base/failpoint.ts";
import { alreadyExists, conflict, notFound } from "../spec/object-problem.ts";
import { takeOutDamaged } from "./damaged-objects.ts";
import { numberOf, openDatabase, storeError } from "./database.ts";
import { LogFile } from "./log-file.ts";
import { type RecentChange, RecentChanges } from "./recent-changes.ts";
import { RecentObjects } from "./recent-objects.ts";
import { Reserve } from "./reserve.ts";
import { prepareStatements, type Statements } from "./statements.ts";
import { StoredText } from "./stored-text.ts";
import type { RecordReader, Table, TableEntry, WriteOptions } from "./table.ts";
import { Watch } from "./watch.ts";
import type { StoredObject, WatchEvent, WatchOptions } from "./watch-event.ts";

export interface StoreLimits {
  /** Changes kept for watches. Default 5000. */
  readonly keptChanges: number;
  /** Events older than this are dropped. Default one hour, as the Kubernetes API server does. */
  readonly eventLifeMs: number;
  /** The oldest events of a namespace go when there are more. Default 1000. */
  readonly eventsPerNamespace: number;
}

/** A part of a list. */
export interface ListPart {
  readonly after?: { readonly namespace: string; readonly name: string } | undefined;
  readonly limit?: number;
}

/** No object has it: every name comes after it. */
const firstName = { namespace: "", name: "" };

const defaultLimits: StoreLimits = {
  keptChanges: 5000,
  eventLifeMs: 3_600_000,
  eventsPerNamespace: 1000,
};

/** What is not durable at once is on the disk after this long (decision 0208). */
const syncDelayMs = 1000;

/** A watch looks at the log after this many changes of other kinds: it must not fall behind it. */
const longestRest = 100;

/** A change of an object, as it is logged and as listeners hear of it. */
interface Change extends RecentChange {
  readonly object: StoredObject;
}

/** Housekeeping runs after this many changes; the limits may be exceeded by as much. */
const housekeepingInterval = 64;

export class Store implements Disposable {
  /** Objects that could not be read and were taken out, in words. */
  readonly damaged: readonly string[];
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #logFile: LogFile;
  readonly #reserve: Reserve;
  readonly #clock: Clock;
  readonly #limits: StoreLimits;
  readonly #statements: Statements;
  readonly #watches = new Set<{ wake(kinds: ReadonlySet<string>): void; end(): void }>();
  readonly #listeners = new Set<(change: WatchEvent<StoredObject>) => void>();
  readonly #recentChanges = new RecentChanges();
  readonly #recentObjects = new RecentObjects();
  /** What the transaction that is under way has changed. */
  #changed: Change[] = [];
  #revision: number;
  /** The highest revision that is no longer in the log. */
  #compacted: number;
  /** What `PRAGMA synchronous` stands at: true is FULL, false is NORMAL. */
  #isDurable = true;
  #changesSinceHousekeeping = 0;
  #cancelSync: (() => void) | undefined;

  private constructor(path: string, clock: Clock, limits: StoreLimits) {
    this.#path = path;
    this.#clock = clock;
    this.#limits = limits;
    this.#database = openDatabase(path);
    this.damaged = takeOutDamaged(this.#database);
    this.#logFile = new LogFile(path);
    this.#reserve = new Reserve(reservePath(path));
    this.#database.exec("PRAGMA synchronous = FULL");
    this.#statements = prepareStatements(this.#database);
    // Begins at 1: "0" means "any version" to Kubernetes clients.
    this.#revision = Math.max(1, numberOf(this.#database, "SELECT max(revision) FROM changes"));
    const oldest = numberOf(this.#database, "SELECT min(revision) FROM changes");
    this.#compacted = oldest === 0 ? 0 : oldest - 1;
  }

  /**
   * Opens or creates the store.
   * @param path - absolute path of the file; its folder exists.
   * @throws PodError FailedPrecondition when the file is damaged or of another version.
   */
  static open(
    path: string,
    options: { readonly clock?: Clock; readonly limits?: Partial<StoreLimits> } = {},
  ): Store {
    const store = new Store(path, options.clock ?? systemClock, {
      ...defaultLimits,
      ...options.limits,
    });
    store.dropOldEvents();
    return store;
  }

  /** The revision of the last change, as lists carry it. */
  get resourceVersion(): string {
    return String(this.#revision);
  }

  /**
   * Stores a new object.
   * @returns it with its resourceVersion.
   * @throws PodError AlreadyExists.
   */
  create<T extends StoredObject>(object: T, options: WriteOptions = {}): T {
    const { kind, metadata } = object;
    invariant(kind !== "" && metadata.name !== "", "the door names every object");
    const created = this.#transact(options.durable ?? true, () => {
      if (this.#read(kind, metadata.namespace, metadata.name) !== undefined) {
        throw alreadyExists(kind, metadata.name);
      }
      return this.#put(object);
    });
    this.#housekeep();
    return created;
  }

  /** The object, or undefined. T is what the caller stored under this kind. */
  get<T>(kind: string, namespace: string, name: string): T | undefined {
    return this.#read(kind, namespace, name)?.object<T>();
  }

  /** Objects of a kind, of one namespace or of all, sorted by namespace and name. */
  list<T>(
    kind: string,
    namespace?: string,
  ): { readonly items: readonly T[]; readonly resourceVersion: string } {
    this.#checkOpen();
    const rows =
      namespace === undefined
        ? this.#statements.listAll.all(kind)
        : this.#statements.listNamespace.all(kind, namespace);
    return {
      items: rows.map((row) => parse<T>(String(row["body"]))),
      resourceVersion: this.resourceVersion,
    };
  }

  /**
   * A part of what `list` gives, in its order, as it is stored: JSON texts, for who only hands them on.
   * @param part.after - begins behind the object of this name. @param part.limit - 0: no limit.
   * @returns `remaining`: how many come after these.
   */
  listTexts(
    kind: string,
    namespace: string | undefined,
    { after = firstName, limit = 0 }: ListPart = {},
  ): { readonly texts: readonly string[]; readonly remaining: number } {
    this.#checkOpen();
    const { pageAll, pageNamespace, countAll, countNamespace } = this.#statements;
    const most = limit === 0 ? -1 : limit;
    const rows =
      namespace === undefined
        ? pageAll.all(kind, after.namespace, after.name, most)
        : pageNamespace.all(kind, namespace, after.name, most);
    const texts = rows.map((row) => String(row["body"]));
    if (texts.length !== limit) return { texts, remaining: 0 };
    const row =
      namespace === undefined
        ? countAll.get(kind, after.namespace, after.name)
        : countNamespace.get(kind, namespace, after.name);
    return { texts, remaining: Number(row?.["count"]) - texts.length };
  }

  /** Objects of every kind whose JSON holds a text: a coarse filter, for who must find the few that matter to it. */
  search<T>(text: string): readonly T[] {
    this.#checkOpen();
    return this.#statements.search.all(text).map((row) => parse<T>(String(row["body"])));
  }

  /**
   * Replaces an object; no change of content takes no revision.
   * @param object - its metadata.resourceVersion must be that of the stored one.
   * @throws PodError NotFound; Conflict when somebody else was faster.
   */
  update<T extends StoredObject>(object: T, options: WriteOptions = {}): T {
    const { kind, metadata } = object;
    const current = this.#read(kind, metadata.namespace, metadata.name);
    if (current === undefined) throw notFound(kind, metadata.name);
    if (current.object<T>().metadata.resourceVersion !== metadata.resourceVersion) {
      throw conflict(kind, metadata.name);
    }
    return this.#replace(current, object, options);
  }

  /**
   * Reads, changes and writes an object in one step that nothing can come between.
   * @param change - gets the current object; undefined leaves it as it is. Must not write to the
   * store itself.
   * @returns the object as it is afterwards, undefined when there is none.
   */
  mutate<T extends StoredObject>(
    kind: string,
    namespace: string,
    name: string,
    change: (current: T) => T | undefined,
    options: WriteOptions = {},
  ): T | undefined {
    const current = this.#read(kind, namespace, name);
    if (current === undefined) return undefined;
    const next = change(current.object<T>());
    return next === undefined ? current.object<T>() : this.#replace(current, next, options);
  }

  /**
   * Removes an object.
   * @param uid - remove only this incarnation.
   * @returns the last state with the revision of the removal; undefined when there was none.
   */
  delete<T extends StoredObject>(
    kind: string,
    namespace: string,
    name: string,
    uid?: string,
    options: WriteOptions = {},
  ): T | undefined {
    const current = this.get<T>(kind, namespace, name);
    if (current === undefined || (uid !== undefined && current.metadata.uid !== uid)) {
      return undefined;
    }
    const removed = this.#write(options.durable ?? true, () => this.#remove(current));
    this.#housekeep();
    return removed;
  }

  /**
   * Several writes as one transaction: all of them are stored, or none.
   * @param work - an error in it ends all of it: it must not catch one and go on.
   */
  together(work: () => void, options: WriteOptions = {}): void {
    this.#transact(options.durable ?? true, work);
    this.#housekeep();
  }

  /**
   * Follows the changes of a kind. The iteration ends when the signal aborts or the store closes.
   * @throws PodError FailedPrecondition with data.reason "Expired" while iterating, when the log no
   * longer reaches back to `from` or the reader fell behind it.
   */
  watch<T>(kind: string, options: WatchOptions): AsyncIterable<WatchEvent<T>> {
    const watch: Watch<T> = new Watch<T>(kind, options, {
      started: () => {
        this.#watches.add(watch);
      },
      ended: () => {
        this.#watches.delete(watch);
      },
      state: () => this.list<T>(kind, options.namespace),
      changes: (after, limit) => this.#changesAfter<T>(kind, options, after, limit),
      revision: () => this.#revision,
      compacted: () => this.#compacted,
      restDistance: Math.min(longestRest, Math.floor(this.#limits.keptChanges / 2)),
    });
    return watch;
  }

  /**
   * Calls `listener` after every commit with each object that it changed, in order. For who follows many kinds at
   * once: a watch would be woken and ask for each. Must not throw nor write; state from before is not told.
   * @returns ends it.
   */
  follow(listener: (change: WatchEvent<StoredObject>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Records of another part of nspod under a name of its own.
   * @param reader - for records without which the others can do; without it one that is damaged is an error.
   */
  table<T>(name: string, reader?: RecordReader<T>): Table<T> {
    const read = (key: string, body: string): T => {
      if (reader === undefined) return parse<T>(body);
      const value = parseAny(body);
      return reader.isWhole(value) ? value : reader.instead(key);
    };
    const { getRecord, putRecord, deleteRecord, listRecords } = this.#statements;
    return {
      get: (key) => {
        this.#checkOpen();
        const row = getRecord.get(name, key);
        return row === undefined ? undefined : read(key, String(row["body"]));
      },
      put: (key, value, options = {}) => {
        this.#write(options.durable ?? false, () =>
          putRecord.run(name, key, JSON.stringify(value)),
        );
      },
      delete: (key, options = {}) =>
        this.#write(options.durable ?? false, () => deleteRecord.run(name, key).changes > 0),
      list: () => {
        this.#checkOpen();
        return listRecords.all(name).map((row): TableEntry<T> => {
          const key = String(row["key"]);
          return { key, value: read(key, String(row["body"])) };
        });
      },
    };
  }

  /** Removes events that are too old or too many. The daemon calls it now and then. */
  dropOldEvents(): void {
    this.#checkOpen();
    const { eventLifeMs, eventsPerNamespace } = this.#limits;
    const tooOld = this.#statements.objectsBefore.all("Event", this.#clock.now() - eventLifeMs);
    const tooMany = this.#statements.countsBeyond
      .all("Event", eventsPerNamespace)
      .flatMap(({ namespace, count }) =>
        this.#statements.oldest.all("Event", String(namespace), Number(count) - eventsPerNamespace),
      );
    const bodies = new Set([...tooOld, ...tooMany].map((row) => String(row["body"])));
    if (bodies.size === 0) return;
    this.#write(false, () => {
      for (const body of bodies) this.#remove(parse<StoredObject>(body));
    });
  }

  /**
   * Resolves when every write before the call survives a power cut, as with `durable`; the work that
   * a write asks for may go on meanwhile (decision 0206).
   * @throws PodError when the disk reports an error.
   */
  async flush(): Promise<void> {
    this.#checkOpen();
    try {
      await this.#logFile.flush();
    } catch (error) {
      throw storeError(`Cannot write to store "${this.#path}"`, this.#path, error);
    }
  }

  /** Ends every watch and closes the file. */
  close(): void {
    for (const watch of [...this.#watches]) watch.end();
    this.#cancelSync?.();
    this.#logFile.close();
    if (this.#database.isOpen) this.#database.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** A request may still come in while the daemon ends. */
  #checkOpen(): void {
    if (this.#database.isOpen) return;
    throw new PodError("Unavailable", "The daemon is ending: repeat the request in a moment");
  }

  #read(kind: string, namespace: string, name: string): StoredText | undefined {
    this.#checkOpen();
    // A transaction sees what it has written itself, and may yet be rolled back.
    const isCommitted = !this.#database.isTransaction;
    const recent = isCommitted ? this.#recentObjects.get(kind, namespace, name) : undefined;
    if (recent !== undefined) return recent;
    const row = this.#statements.get.get(kind, namespace, name);
    if (row === undefined) return undefined;
    const body = new StoredText(String(row["body"]));
    if (isCommitted) this.#recentObjects.set(kind, namespace, name, body);
    return body;
  }

  #replace<T extends StoredObject>(body: StoredText, next: T, options: WriteOptions): T {
    const current = body.object<T>();
    const { kind, metadata } = current;
    invariant(
      next.kind === kind &&
        next.metadata.namespace === metadata.namespace &&
        next.metadata.name === metadata.name,
      "a change keeps the identity of the object",
    );
    if (JSON.stringify(next) === body.text) return current;
    const stored = this.#write(options.durable ?? true, () => this.#put(next, body));
    this.#housekeep();
    return stored;
  }

  /** @param previous - absent: it is new. */
  #put<T extends StoredObject>(object: T, previous?: StoredText): T {
    const stored = withRevision(object, this.#revision + 1);
    const { kind, metadata } = stored;
    const { namespace, name } = metadata;
    const body = this.#log(previous === undefined ? "ADDED" : "MODIFIED", stored, previous);
    this.#statements.put.run(kind, namespace, name, this.#revision, this.#clock.now(), body.text);
    return stored;
  }

  #remove<T extends StoredObject>(object: T): T {
    const last = withRevision(object, this.#revision + 1);
    const { namespace, name } = last.metadata;
    this.#statements.remove.run(last.kind, namespace, name);
    this.#log("DELETED", last);
    return last;
  }

  /** The next revision. @param object - with it. */
  #log(type: Change["type"], object: StoredObject, previous?: StoredText): StoredText {
    const revision = ++this.#revision;
    const { kind, metadata } = object;
    const { namespace, name } = metadata;
    const body = new StoredText(JSON.stringify(object));
    this.#statements.log.run(revision, kind, namespace, name, type, body.text);
    this.#changed.push({
      revision,
      type,
      kind,
      namespace,
      object,
      body,
      ...(previous !== undefined && { previous }),
    });
    return body;
  }

  /** A transaction that changes what is there: the reserve is for it. */
  #write<R>(durable: boolean, work: () => R): R {
    for (;;) {
      try {
        return this.#transact(durable, work);
      } catch (error) {
        if (!isPodError(error, "ResourceExhausted") || !this.#reserve.release()) throw error;
      }
    }
  }

  /** One transaction, or a part of that which is under way; watches hear of it after the commit. */
  #transact<R>(durable: boolean, work: () => R): R {
    this.#checkOpen();
    if (this.#database.isTransaction) return work();
    const before = this.#revision;
    let result: R;
    try {
      if (durable !== this.#isDurable) {
        this.#database.exec(`PRAGMA synchronous = ${durable ? "FULL" : "NORMAL"}`);
        this.#isDurable = durable;
      }
      failpoint("store/store.begin");
      this.#database.exec("BEGIN IMMEDIATE");
      result = work();
      failpoint("store/store.commit");
      this.#database.exec("COMMIT");
    } catch (error) {
      this.#revision = before;
      this.#changed = [];
      if (this.#database.isOpen && this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw storeError(`Cannot write to store "${this.#path}"`, this.#path, error);
    }
    if (!durable) this.#syncSoon();
    this.#changesSinceHousekeeping += this.#revision - before;
    if (this.#revision !== before) this.#tell();
    return result;
  }

  /** One sync for everything that is written until then. */
  #syncSoon(): void {
    this.#cancelSync ??= this.#clock.after(syncDelayMs, () => {
      this.#cancelSync = undefined;
      // A disk that reports an error reports it to the next durable write, too, and somebody waits for that.
      if (this.#database.isOpen) this.flush().catch(() => undefined);
      this.#reserve.refill();
    });
  }

  #tell(): void {
    const changes = this.#changed;
    this.#changed = [];
    for (const change of changes) this.#remember(change);
    const kinds = new Set(changes.map(({ kind }) => kind));
    for (const watch of this.#watches) watch.wake(kinds);
    const events = changes.map(({ type, object }): WatchEvent<StoredObject> => ({ type, object }));
    for (const listener of this.#listeners) for (const event of events) listener(event);
  }

  #remember({ object: { metadata }, ...change }: Change): void {
    const { type, kind, namespace, body } = change;
    this.#recentChanges.add(change);
    if (type === "DELETED") this.#recentObjects.delete(kind, namespace, metadata.name);
    else this.#recentObjects.set(kind, namespace, metadata.name, body);
  }

  #housekeep(): void {
    const isDue = this.#changesSinceHousekeeping >= housekeepingInterval;
    if (!isDue || this.#database.isTransaction) return;
    this.#changesSinceHousekeeping = 0;
    this.dropOldEvents();
    const compacted = this.#revision - this.#limits.keptChanges;
    if (compacted <= this.#compacted) return;
    this.#write(false, () => this.#statements.compact.run(compacted));
    this.#compacted = compacted;
  }

  #changesAfter<T>(
    kind: string,
    options: WatchOptions,
    after: number,
    limit: number,
  ): readonly { readonly revision: number; readonly event: WatchEvent<T> }[] {
    const recent = this.#recentChanges.after(after, kind, options.namespace);
    const changes = recent?.slice(0, limit) ?? this.#logAfter(kind, options, after, limit);
    return changes.map(({ revision, type, body, previous }) => {
      const event = { type, object: body.object<T>() };
      return options.previous && previous !== undefined
        ? { revision, event: { ...event, previous: previous.object<T>() } }
        : { revision, event };
    });
  }

  #logAfter(
    kind: string,
    options: WatchOptions,
    after: number,
    limit: number,
  ): readonly Pick<RecentChange, "revision" | "type" | "body" | "previous">[] {
    const statement = options.previous
      ? this.#statements.changesWithPrevious
      : this.#statements.changes;
    const namespace = options.namespace ?? null;
    return statement.all(kind, after, namespace, namespace, limit).map((row) => {
      const type = row["type"] as RecentChange["type"]; // written by #log
      const previous = row["previous"];
      return {
        revision: Number(row["revision"]),
        type,
        body: new StoredText(String(row["body"])),
        ...(type === "MODIFIED" &&
          typeof previous === "string" && { previous: new StoredText(previous) }),
      };
    });
  }
}

/** The file of the reserve of a store. */
export function reservePath(path: string): string {
  return `${path}-reserve`;
}

/** undefined for what is no JSON. */
function parseAny(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    // SyntaxError: nothing else is thrown here.
    return undefined;
  }
}

/** Bodies are written by this class only: T is what the caller stored. */
function parse<T>(body: string): T {
  return JSON.parse(body) as T;
}

function withRevision<T extends StoredObject>(object: T, revision: number): T {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
}
