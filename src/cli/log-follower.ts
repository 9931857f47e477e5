/**
 * The logs of all containers of a pod in one stream of lines, from the first byte of the first
 * attempt on, each line once.
 *
 * A container that ends at once may have a new attempt before its first log request arrives, which
 * then reads the new attempt; the daemon may go away in the middle. Attempts of one container do
 * not overlap in time, so a line is known by its time stamp: it was printed before if and only if
 * it lies in a span of time that an earlier stream of this container covered.
 */
import { isPodError, PodError } from "../base/errors.ts";
import type { ContainerStatus, Pod } from "../spec/pod.ts";
import { type ApiClient, isLostConnection } from "./api-client.ts";
import { podsPath } from "./context.ts";
import { readLines } from "./json-lines.ts";
import { pause } from "./pause.ts";

export type TakeLine = (container: string, line: string) => void;

interface Span {
  readonly from: string;
  to: string;
  /** Lines that carry the time stamp `to`: a stream that was cut may stop between equals. */
  equals: number;
}

interface Follower {
  /** Requests that were made, by attempt. */
  readonly seen: Set<string>;
  readonly spans: Span[];
  work: Promise<void>;
}

const retryMs = 200;

export class LogFollower {
  readonly #client: ApiClient;
  readonly #take: TakeLine;
  readonly #signal: AbortSignal;
  readonly #since: string | undefined;
  readonly #followers = new Map<string, Follower>();
  readonly #failures: unknown[] = [];

  /** @param since - RFC 3339: older lines are left out. */
  constructor(client: ApiClient, take: TakeLine, signal: AbortSignal, since?: string) {
    this.#since = since;
    this.#client = client;
    this.#take = take;
    this.#signal = signal;
  }

  /** Starts to read the attempts that the pod's status names for the first time. */
  update(pod: Pod): void {
    const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
    const ephemeral = pod.status?.ephemeralContainerStatuses ?? [];
    for (const status of [...initContainerStatuses, ...containerStatuses, ...ephemeral]) {
      const follower = this.#follower(status.name);
      for (const { id, isPrevious } of attemptsOf(status)) {
        // Once as the current attempt and once more as the previous one: the first request may
        // have come too late for it.
        const request = `${isPrevious ? "previous" : "current"} ${id}`;
        if (follower.seen.has(request)) continue;
        follower.seen.add(request);
        follower.work = follower.work.then(() =>
          this.#read(pod, status.name, isPrevious, follower.spans),
        );
      }
    }
  }

  /** Waits until the streams that were started have ended. @throws the first error of one. */
  async done(): Promise<void> {
    await Promise.all([...this.#followers.values()].map(({ work }) => work));
    if (this.#failures.length > 0) throw this.#failures[0];
  }

  #follower(container: string): Follower {
    const known = this.#followers.get(container);
    if (known !== undefined) return known;
    const fresh = { seen: new Set<string>(), spans: [], work: Promise.resolve() };
    this.#followers.set(container, fresh);
    return fresh;
  }

  async #read(pod: Pod, container: string, isPrevious: boolean, spans: Span[]): Promise<void> {
    while (!this.#signal.aborted) {
      try {
        await this.#readOnce(pod, container, isPrevious, spans);
        return;
      } catch (error) {
        // The pod was deleted, or nothing is left of that attempt.
        if (isPodError(error, "NotFound") || isPodError(error, "FailedPrecondition")) return;
        if (this.#signal.aborted) return;
        if (!isLostConnection(error)) {
          this.#failures.push(error);
          return;
        }
        await pause(retryMs);
      }
    }
  }

  async #readOnce(pod: Pod, container: string, isPrevious: boolean, spans: Span[]): Promise<void> {
    const { namespace, name } = pod.metadata;
    const response = await this.#client.stream("GET", podsPath(namespace, name, "log"), {
      query: {
        container,
        follow: !isPrevious,
        previous: isPrevious,
        timestamps: true,
        sinceTime: this.#since,
      },
      signal: this.#signal,
    });
    const covered = spans.map((span) => ({ ...span }));
    let current: Span | undefined;
    try {
      for await (const entry of readLines(response)) {
        const { time, line } = splitTimestamp(entry);
        if (isCovered(covered, time)) continue;
        if (current === undefined) {
          current = { from: time, to: time, equals: 0 };
          spans.push(current);
        }
        current.equals = time === current.to ? current.equals + 1 : 1;
        current.to = time;
        this.#take(container, line);
      }
    } catch (error) {
      if (isPodError(error)) throw error;
      throw new PodError("Unavailable", `Lost the log of container "${container}"`, {
        cause: error,
      });
    }
  }
}

function attemptsOf({
  state,
  lastState,
  containerID,
}: ContainerStatus): readonly { readonly id: string; readonly isPrevious: boolean }[] {
  const previous = lastState?.terminated?.containerID;
  // While it waits for a restart, the last attempt is both the last state and the container's id.
  const current =
    state?.terminated?.containerID ?? (state?.running === undefined ? undefined : containerID);
  return [
    ...(previous && previous !== current ? [{ id: previous, isPrevious: true }] : []),
    ...(current ? [{ id: current, isPrevious: false }] : []),
  ];
}

/** "2026-01-02T03:04:05.000000006Z text" → its two parts. */
export function splitTimestamp(entry: string): { readonly time: string; readonly line: string } {
  const space = entry.indexOf(" ");
  return space === -1
    ? { time: entry, line: "" }
    : { time: entry.slice(0, space), line: entry.slice(space + 1) };
}

/** Whether a line was printed by an earlier stream; counts down the equals of a cut stream. */
function isCovered(spans: Span[], time: string): boolean {
  for (const span of spans) {
    if (time === span.to) {
      if (span.equals === 0) continue;
      span.equals -= 1;
      return true;
    }
    if (time >= span.from && time < span.to) return true;
  }
  return false;
}
