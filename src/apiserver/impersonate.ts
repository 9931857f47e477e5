/**
 * Acting as somebody else: an administrator's request with Impersonate-* headers (`kubectl --as`) is that user's.
 * Source: Kubernetes, "User impersonation".
 */
import type { IncomingMessage } from "node:http";
import type { User } from "./authenticate.ts";
import { authenticatedGroup, authorize, serviceAccountGroups } from "./authorize.ts";
import { badRequest } from "./problem.ts";

const extraPrefix = "impersonate-extra-";

/**
 * Who the request is of in the end.
 * @throws RequestProblem 403 when the user may not act as others, 400 when the headers name nobody.
 */
export function impersonated(
  user: User,
  { headersDistinct }: Pick<IncomingMessage, "headersDistinct">,
): User {
  const names = Object.keys(headersDistinct).filter((name) => name.startsWith("impersonate-"));
  if (names.length === 0) return user;
  const name = headersDistinct["impersonate-user"]?.[0] ?? "";
  const asked = { group: "", subresource: "", namespace: "", name };
  authorize(user, { verb: "impersonate", resource: "users", ...asked });
  if (name === "")
    throw badRequest("Impersonate-User: is required with the other Impersonate headers");
  const extra = names
    .filter((header) => header.startsWith(extraPrefix))
    .map((header) => [
      decodeURIComponent(header.slice(extraPrefix.length)),
      headersDistinct[header] ?? [],
    ]);
  const [uid] = headersDistinct["impersonate-uid"] ?? [];
  return {
    ...subjectOf(name, headersDistinct["impersonate-group"]),
    ...(uid !== undefined && { uid }),
    ...(extra.length > 0 && { extra: Object.fromEntries(extra) }),
  };
}

/** Somebody by name and groups; service accounts have theirs, and whoever has a name is authenticated. */
export function subjectOf(
  name: string,
  groups: readonly string[] = [],
): Pick<User, "name" | "groups"> {
  const known = groups.length === 0 ? serviceAccountGroups(name) : groups;
  return { name, groups: [...new Set([...known, authenticatedGroup])] };
}
