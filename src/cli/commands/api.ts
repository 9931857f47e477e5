/** `nspod api-resources`, `api-versions` and `explain`: what the daemon serves, as it says itself. */
import { PodError } from "../../base/errors.ts";
import type { Context } from "../context.ts";
import { type ApiDocument, explainSchema } from "../explain-schema.ts";
import { parseResource } from "../object-arguments.ts";
import { formatTable } from "../table.ts";

interface ServedResource {
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
}

interface Group {
  readonly name: string;
  readonly versions: readonly { readonly groupVersion: string }[];
  readonly preferredVersion: { readonly groupVersion: string };
}

async function groupsOf({ client }: Context): Promise<readonly Group[]> {
  const { groups } = await client.json<{ readonly groups: readonly Group[] }>("GET", "/apis");
  return groups;
}

export interface ApiResourcesOptions {
  readonly apiGroup?: string;
  readonly namespaced?: string;
  readonly verbs?: string;
  readonly categories?: string;
  readonly sortBy?: "name" | "kind";
  readonly output?: "wide" | "name";
  /** commander's `--no-headers`. */
  readonly headers?: boolean;
}

export async function listApiResources(
  context: Context,
  options: ApiResourcesOptions,
): Promise<number> {
  const groups = await groupsOf(context);
  const versions = groups.map(({ preferredVersion }) => preferredVersion.groupVersion).sort();
  const rows = (
    await Promise.all(["v1", ...versions].map((version) => resourcesOf(context, version)))
  )
    .flat()
    .filter((resource) => isWanted(resource, options));
  const { sortBy, output, headers = true } = options;
  if (sortBy !== undefined) rows.sort((a, b) => (a[sortBy] < b[sortBy] ? -1 : 1));
  if (output === "name") {
    for (const { name, apiVersion } of rows) {
      const group = groupOf(apiVersion);
      context.screen.print(group === "" ? name : `${name}.${group}`);
    }
    return 0;
  }
  const isWide = output === "wide";
  const table = rows.map((resource) => [
    resource.name,
    (resource.shortNames ?? []).join(","),
    resource.apiVersion,
    String(resource.namespaced),
    resource.kind,
    ...(isWide ? [resource.verbs.join(","), (resource.categories ?? []).join(",")] : []),
  ]);
  const heading = ["NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND"];
  const wide = isWide ? ["VERBS", "CATEGORIES"] : [];
  context.screen.print(formatTable([...(headers ? [[...heading, ...wide]] : []), ...table]));
  return 0;
}

interface Row extends ServedResource {
  readonly apiVersion: string;
}

async function resourcesOf({ client }: Context, apiVersion: string): Promise<readonly Row[]> {
  const path = apiVersion === "v1" ? "/api/v1" : `/apis/${apiVersion}`;
  const list = await client.json<{ readonly resources: readonly ServedResource[] }>("GET", path);
  return list.resources
    .filter(({ name }) => !name.includes("/"))
    .map((resource) => ({ ...resource, apiVersion }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function isWanted(
  resource: Row,
  { apiGroup, namespaced, verbs, categories }: ApiResourcesOptions,
): boolean {
  if (apiGroup !== undefined && groupOf(resource.apiVersion) !== apiGroup) return false;
  if (namespaced !== undefined && String(resource.namespaced) !== namespaced) return false;
  const has = (found: readonly string[], wanted: string | undefined): boolean =>
    wanted === undefined || wanted.split(",").every((word) => found.includes(word));
  return has(resource.verbs, verbs) && has(resource.categories ?? [], categories);
}

function groupOf(apiVersion: string): string {
  return apiVersion.includes("/") ? (apiVersion.split("/")[0] ?? "") : "";
}

export async function listApiVersions(context: Context): Promise<number> {
  const groups = await groupsOf(context);
  const versions = groups.flatMap((group) => group.versions.map((each) => each.groupVersion));
  for (const version of [...versions, "v1"].sort()) context.screen.print(version);
  return 0;
}

export interface ExplainOptions {
  readonly recursive?: boolean;
  readonly apiVersion?: string;
}

/** @param word - `TYPE` or `TYPE.field.field`. */
export async function explainResource(
  context: Context,
  word: string,
  { recursive = false, apiVersion }: ExplainOptions,
): Promise<number> {
  const { resource, path } = parseFieldPath(word);
  const version = apiVersion ?? resource.apiVersion;
  const where = version === "v1" ? "api/v1" : `apis/${version}`;
  const document = await context.client.json<ApiDocument>("GET", `/openapi/v3/${where}`);
  const what = { apiVersion: version, kind: resource.kind, path, isRecursive: recursive };
  context.screen.print(explainSchema(document, what));
  return 0;
}

/** `deploy.spec.template`, `deployments.apps.spec`: the group may stand behind the type. */
export function parseFieldPath(word: string): {
  readonly resource: ReturnType<typeof parseResource>;
  readonly path: readonly string[];
} {
  const [type = "", ...fields] = word.split(".").filter((part) => part !== "");
  if (type === "") throw new PodError("InvalidArgument", "You must specify the type of resource");
  const resource = parseResource(type);
  const group = groupOf(resource.apiVersion)
    .split(".")
    .filter((part) => part !== "");
  const isQualified = group.length > 0 && group.every((part, index) => fields[index] === part);
  return { resource, path: isQualified ? fields.slice(group.length) : fields };
}
