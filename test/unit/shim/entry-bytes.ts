// struct shim_process_entry as a shim sends it, for tests.

export interface EntryFacts {
  readonly id: string;
  readonly pid?: number;
  readonly startedAtMs?: number;
  readonly dropped?: number;
  readonly exit?: {
    readonly exitCode: number;
    readonly signal: number;
    readonly finishedAtMs: number;
    readonly oomKilled: boolean;
  };
}

export function entryBytes(facts: EntryFacts): Buffer {
  const entry = Buffer.alloc(168);
  entry.write(facts.id, 0, "latin1");
  entry.writeBigInt64LE(BigInt(facts.startedAtMs ?? 0), 128);
  entry.writeBigInt64LE(BigInt(facts.exit?.finishedAtMs ?? 0), 136);
  entry.writeBigUInt64LE(BigInt(facts.dropped ?? 0), 144);
  entry.writeInt32LE(facts.pid ?? 0, 152);
  entry.writeInt32LE(facts.exit?.exitCode ?? 0, 156);
  entry.writeInt32LE(facts.exit?.signal ?? 0, 160);
  entry.writeUInt32LE((facts.exit ? 1 : 0) | (facts.exit?.oomKilled ? 2 : 0), 164);
  return entry;
}
