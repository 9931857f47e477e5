/**
 * Pages of a list, sorted by namespace and name. `continue` names the last object of a page and the
 * revision of the first one; the next page is read from the state then. Kubernetes calls this an
 * inconsistent continuation: nothing is skipped that existed all the time.
 */
import type { StoredObject } from "../store/watch-event.ts";
import { badRequest } from "./problem.ts";
import type { Query } from "./query.ts";

/** What `limit` and `continue` ask for. */
export interface PageWish {
  /** 0: no limit. */
  readonly limit: number;
  readonly after?: PageStart | undefined;
}

export function pageWish(query: Query): PageWish {
  const token = query.text("continue");
  const limit = query.integer("limit", 0) ?? 0;
  return { limit, after: token === undefined ? undefined : parseToken(token) };
}

export interface Page {
  readonly items: readonly StoredObject[];
  readonly remaining: number;
}

/** The part of a list that the client wants. */
export function pageOf(all: readonly StoredObject[], { limit, after }: PageWish): Page {
  const rest = after === undefined ? all : all.filter((item) => isAfter(item, after));
  const items = limit === 0 ? rest : rest.slice(0, limit);
  return { items, remaining: rest.length - items.length };
}

/** What `continue` is for the next page. @param version - of the first page. */
export function tokenAfter(version: string, { metadata }: StoredObject): string {
  const { namespace, name } = metadata;
  return Buffer.from(JSON.stringify([version, namespace, name])).toString("base64url");
}

interface PageStart {
  readonly version: string;
  readonly namespace: string;
  readonly name: string;
}

function parseToken(token: string): PageStart {
  try {
    const parts: unknown = JSON.parse(Buffer.from(token, "base64url").toString());
    if (Array.isArray(parts) && parts.length === 3 && parts.every((p) => typeof p === "string")) {
      const [version = "", namespace = "", name = ""] = parts as readonly string[];
      if (/^\d{1,15}$/.test(version)) return { version, namespace, name };
    }
  } catch {
    // SyntaxError: not a token of ours, as below.
  }
  throw badRequest('Parameter "continue": is not a token that a list gave');
}

/** In the order of the store: bytes of the namespace, then of the name (both are ASCII). */
function isAfter({ metadata }: StoredObject, start: PageStart): boolean {
  if (metadata.namespace !== start.namespace) return metadata.namespace > start.namespace;
  return metadata.name > start.name;
}
