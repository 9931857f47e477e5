/**
 * Which pod is looked at next. Nobody's clock, nobody's store: it is told what happens and when.
 *
 *   new, changed ──────▶ active ──take()──▶ tried ──▶ bound: remove()
 *                          ▲                  └─────▶ refused() ──▶ unschedulable
 *            its time over │                                           │ move(): something happened that may help it
 *                       back-off ◀── refused again not long ago ───────┘
 *
 * The most important first, of those the one that waits longest. A pod that was refused once is tried again as soon as
 * something may help; from then on at most once in 1 s, 2 s, 4 s, … 10 s, so that a crowd that does not fit costs
 * nothing at every end of a pod. Source: Kubernetes, "Kubernetes Scheduler"; scheduler's queue, podInitialBackoffSeconds.
 */

/** A pod that waits. */
export interface Waiting {
  readonly uid: string;
  readonly priority: number;
  /** When it was made, as its metadata says it. */
  readonly created: string;
}

interface Entry {
  readonly waiting: Waiting;
  /** In which order they came. */
  readonly order: number;
  refusals: number;
  /** When it was refused last. */
  refusedMs: number;
  place: "active" | "back-off" | "unschedulable" | "tried" | "removed";
}

const firstBackOffMs = 1000;
const lastBackOffMs = 10_000;

export class SchedulingQueue {
  readonly #entries = new Map<string, Entry>();
  /** The most important one last, when in order; some may have been removed since. */
  #active: Entry[] = [];
  #isInOrder = true;
  readonly #unschedulable = new Set<Entry>();
  readonly #backingOff = new Set<Entry>();
  /** No back-off is over before. */
  #nextMs = Infinity;
  #order = 0;

  get size(): number {
    return this.#entries.size;
  }

  /** A new pod, or one that changed: it is looked at, whatever was said of it before. */
  put(waiting: Waiting): void {
    const known = this.#entries.get(waiting.uid);
    if (known?.place === "active") return;
    this.remove(waiting.uid);
    const order = known?.order ?? this.#order++;
    const entry: Entry = { waiting, order, refusals: 0, refusedMs: 0, place: "active" };
    this.#entries.set(waiting.uid, entry);
    this.#activate(entry);
  }

  /** A pod that waits no longer. */
  remove(uid: string): void {
    const entry = this.#entries.get(uid);
    if (entry === undefined) return;
    entry.place = "removed";
    this.#entries.delete(uid);
    this.#unschedulable.delete(entry);
    this.#backingOff.delete(entry);
    if (this.#backingOff.size === 0) this.#nextMs = Infinity;
  }

  /** Uid of the next pod to look at; undefined: none for now. It stays known until it is removed. */
  take(nowMs: number): string | undefined {
    if (nowMs >= this.#nextMs) this.#endBackOffs(nowMs);
    if (!this.#isInOrder) this.#active.sort(lessImportant);
    this.#isInOrder = true;
    for (let entry = this.#active.pop(); entry !== undefined; entry = this.#active.pop()) {
      if (entry.place !== "active") continue;
      entry.place = "tried";
      return entry.waiting.uid;
    }
    return undefined;
  }

  /** The pod fits nowhere: it waits for something to happen. */
  refused(uid: string, nowMs: number): void {
    const entry = this.#entries.get(uid);
    if (entry?.place !== "tried") return;
    entry.refusals++;
    entry.refusedMs = nowMs;
    entry.place = "unschedulable";
    this.#unschedulable.add(entry);
  }

  /** Something happened. @param mayHelp - whether that may help a pod. */
  move(nowMs: number, mayHelp: (uid: string) => boolean): void {
    for (const entry of this.#unschedulable) {
      if (!mayHelp(entry.waiting.uid)) continue;
      this.#unschedulable.delete(entry);
      const atMs = endOfBackOffMs(entry);
      if (atMs <= nowMs) this.#activate(entry);
      else {
        entry.place = "back-off";
        this.#backingOff.add(entry);
        this.#nextMs = Math.min(this.#nextMs, atMs);
      }
    }
  }

  /** When the next back-off is over, at the earliest; undefined without any. */
  nextMs(): number | undefined {
    return this.#nextMs === Infinity ? undefined : this.#nextMs;
  }

  #endBackOffs(nowMs: number): void {
    this.#nextMs = Infinity;
    for (const entry of this.#backingOff) {
      const atMs = endOfBackOffMs(entry);
      if (atMs > nowMs) this.#nextMs = Math.min(this.#nextMs, atMs);
      else {
        this.#backingOff.delete(entry);
        this.#activate(entry);
      }
    }
  }

  #activate(entry: Entry): void {
    entry.place = "active";
    this.#active.push(entry);
    this.#isInOrder = false;
  }
}

function endOfBackOffMs({ refusals, refusedMs }: Entry): number {
  if (refusals < 2) return 0;
  return refusedMs + Math.min(firstBackOffMs * 2 ** (refusals - 2), lastBackOffMs);
}

function lessImportant(a: Entry, b: Entry): number {
  const [one, other] = [a.waiting, b.waiting];
  if (one.priority !== other.priority) return one.priority - other.priority;
  if (one.created !== other.created) return one.created < other.created ? 1 : -1;
  return b.order - a.order;
}
