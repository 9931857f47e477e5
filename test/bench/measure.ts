// What a measure gets and gives, and the frame around each: its contestants are opened for it alone and closed after it,
// and nothing of them may stay behind.
import { Nspod } from "./nspod.ts";
import type { OpenPeer, Peer, PeerName } from "./peers/peer.ts";
import type { Place } from "./place.ts";
import { reasonOf, type Turns } from "./rounds.ts";
import type { Absence, Findings, RowId, Series } from "./rows.ts";

export interface Bench {
  readonly place: Place;
  /** Those whose programs are there. */
  readonly peers: readonly Peer[];
  /** Wanted by the caller, or else `usual`. */
  readonly rounds: (usual: number) => number;
}

export interface Measure {
  readonly name: string;
  readonly run: (bench: Bench) => Promise<Findings>;
}

/** Collects what a measure finds. */
export class Notes implements Findings {
  readonly series: Series[] = [];
  readonly absences: Absence[] = [];
  readonly remarks: string[] = [];

  add(row: RowId, who: string, values: readonly number[]): void {
    if (values.length > 0) this.series.push({ row, who, values });
  }

  /** Once for all rows that the same failure leaves empty. */
  miss(absence: Absence): void {
    const { who, reason } = absence;
    if (this.absences.some((each) => each.who === who && each.reason === reason)) return;
    this.absences.push(absence);
  }

  /** Everybody's numbers of one row. @param pick - out of what a turn gave; undefined: nothing for this row */
  addTurns<Value>(
    row: RowId,
    turns: Turns<Value>,
    pick: (value: Value) => number | undefined,
  ): void {
    for (const [who, values] of turns.values) {
      this.add(
        row,
        who,
        values.map(pick).filter((value) => value !== undefined),
      );
    }
    for (const [who, reason] of turns.failures) this.miss({ row, who, reason });
  }
}

/** Runs `work` with nspod; afterwards the census must find nothing of its pods, and the machine nothing of it. */
export async function withNspod(
  { place }: Bench,
  work: (nspod: Nspod) => Promise<void>,
): Promise<void> {
  const nspod = await Nspod.open(place);
  try {
    await work(nspod);
    // Of a contestant that failed.
    await nspod.deleteAll();
    await nspod.assertEmpty();
    console.log("    census: nothing left");
  } finally {
    await nspod.close();
  }
}

/** Runs `work` with those of the named peers that can be opened here; who cannot is noted with the reason. */
export async function withPeers(
  { place, peers }: Bench,
  names: readonly PeerName[],
  notes: Notes,
  work: (opened: ReadonlyMap<PeerName, OpenPeer>) => Promise<void>,
): Promise<void> {
  const opened = new Map<PeerName, OpenPeer>();
  try {
    for (const peer of peers) {
      if (!names.includes(peer.name)) continue;
      try {
        opened.set(peer.name, await peer.open(place));
      } catch (error) {
        notes.miss({ who: peer.name, reason: reasonOf(error) });
      }
    }
    await work(opened);
  } finally {
    for (const [who, { room }] of opened) {
      const left = await room.close();
      if (left.length > 0) notes.remarks.push(`${who} left ${left.join(", ")}`);
    }
  }
}
