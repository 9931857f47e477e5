/**
 * A watch as chunked JSON lines. An object that begins to match the selectors is ADDED, one that
 * ceases to is DELETED. A failure is one last line of type ERROR with a Status.
 * Source: Kubernetes API concepts, "Efficient detection of changes", "Watch bookmarks",
 * "Streaming lists".
 */
import type { StoredObject, WatchEvent } from "../store/watch-event.ts";
import { badRequest, statusOf } from "./problem.ts";
import type { Query } from "./query.ts";
import { type Exchange, servedVersion, shownObject } from "./router.ts";
import type { Selection } from "./selection.ts";
import { writeChunk } from "./stream-answer.ts";
import { type TableWish, tableOf } from "./table.ts";

export interface WatchRequest {
  readonly kind: string;
  readonly namespace: string | undefined;
  readonly selection: Selection;
  /** Each object as a Table with one row. */
  readonly table?: TableWish | undefined;
}

/** Answers with the changes until the client goes, the time is over or the server closes. */
export async function watchObjects(exchange: Exchange, request: WatchRequest): Promise<void> {
  const { query, backend, response, clock } = exchange;
  const { kind, namespace, selection, table } = request;
  const start = startOf(query, backend.store.resourceVersion);
  const timeoutSeconds = query.integer("timeoutSeconds", 0) ?? 0;
  const bookmarks = query.flag("allowWatchBookmarks");
  const over = new AbortController();
  const cancel =
    timeoutSeconds === 0
      ? () => undefined
      : clock.after(Math.min(timeoutSeconds, 86_400) * 1000, () => over.abort());
  response.writeHead(200, { "content-type": "application/json" });
  response.flushHeaders();
  try {
    const events = backend.store.watch<StoredObject>(kind, {
      ...(namespace !== undefined && { namespace }),
      ...(start.from !== undefined && { from: start.from }),
      signal: AbortSignal.any([exchange.signal, over.signal]),
      bookmarks,
      previous: !selection.isEverything,
    });
    // Only a watch that begins with the state has a bookmark at the end of the state.
    let isInitial = start.from === undefined;
    let hasHeading = true;
    const shown = (object: StoredObject): object => {
      if (table === undefined) return shownObject(object, servedVersion(response));
      const metadata = { resourceVersion: object.metadata.resourceVersion };
      const row = tableOf(kind, [object], {
        wish: table,
        metadata,
        nowMs: clock.now(),
        hasHeading,
      });
      hasHeading = false;
      return row;
    };
    for await (const event of events) {
      if (event.type === "BOOKMARK") {
        const annotate = isInitial && start.isStreamingList;
        isInitial = false;
        await writeChunk(response, bookmarkLine(event, annotate));
        continue;
      }
      const type = visibleType(event, selection);
      if (type === undefined) continue;
      const line = JSON.stringify({ type, object: shown(event.object) });
      await writeChunk(response, `${line}\n`);
    }
  } catch (error) {
    await writeChunk(response, `${JSON.stringify({ type: "ERROR", object: statusOf(error) })}\n`);
  } finally {
    cancel();
    response.end();
  }
}

interface WatchStart {
  /** undefined: begin with the state. */
  readonly from: string | undefined;
  /** The client asked for the state and for the bookmark that ends it. */
  readonly isStreamingList: boolean;
}

function startOf(query: Query, current: string): WatchStart {
  const version = query.integer("resourceVersion", 0) ?? 0;
  const initial = query.optionalFlag("sendInitialEvents");
  const match = query.oneOf("resourceVersionMatch", ["NotOlderThan"]);
  if (initial !== undefined && match === undefined) {
    throw badRequest('"sendInitialEvents" needs "resourceVersionMatch=NotOlderThan"');
  }
  if (initial === undefined && match !== undefined) {
    throw badRequest('"resourceVersionMatch" in a watch needs "sendInitialEvents"');
  }
  if (initial === true) return { from: undefined, isStreamingList: true };
  if (version > 0) return { from: String(version), isStreamingList: false };
  return { from: initial === false ? current : undefined, isStreamingList: false };
}

/** What a change of an object is to somebody who sees only what matches. */
export function visibleType(
  event: WatchEvent<StoredObject>,
  selection: Pick<Selection, "matches">,
): WatchEvent<StoredObject>["type"] | undefined {
  const { type, object, previous } = event;
  const matches = selection.matches(object);
  if (type !== "MODIFIED") return matches ? type : undefined;
  // A state that the log no longer knows may have been shown: a change or removal is right then.
  const matched = previous === undefined || selection.matches(previous);
  if (matches) return matched ? "MODIFIED" : "ADDED";
  return matched ? "DELETED" : undefined;
}

function bookmarkLine({ object }: WatchEvent<StoredObject>, isEndOfState: boolean): string {
  const { apiVersion, kind, metadata } = object;
  const annotations = { "k8s.io/initial-events-end": "true" };
  const marked = {
    apiVersion,
    kind,
    metadata: {
      resourceVersion: metadata.resourceVersion,
      ...(isEndOfState && { annotations }),
    },
  };
  return `${JSON.stringify({ type: "BOOKMARK", object: marked })}\n`;
}
