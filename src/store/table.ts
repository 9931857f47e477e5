/**
 * Durable key-value records of other parts (address leases, pod records), one namespace of keys
 * per table. A record is there after `kill -9` of the process as soon as `put` has returned; with
 * `durable` also after a power cut.
 */

/** How long a write must last. */
export interface WriteOptions {
  /** true: on the disk before the call returns. false: survives a crash of the process only. */
  readonly durable?: boolean;
}

export interface TableEntry<T> {
  readonly key: string;
  readonly value: T;
}

/** Reads records that may be damaged. */
export interface RecordReader<T> {
  readonly isWhole: (value: unknown) => value is T;
  /** What stands for a damaged record. */
  readonly instead: (key: string) => T;
}

/** Values must survive JSON; what comes back is a fresh copy. */
export interface Table<T> {
  get(key: string): T | undefined;
  /** Writes or replaces; default `durable: false`. */
  put(key: string, value: T, options?: WriteOptions): void;
  /** @returns whether there was a record. */
  delete(key: string, options?: WriteOptions): boolean;
  /** All records, sorted by the bytes of their key. */
  list(): readonly TableEntry<T>[];
}
