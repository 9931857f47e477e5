/**
 * Discovery in one answer, which kubectl 1.26 and newer asks for: every group, version and resource.
 * Source: Kubernetes API reference, apidiscovery.k8s.io/v2 APIGroupDiscoveryList.
 */
import type { IncomingMessage } from "node:http";
import { groupOf } from "../spec/object-problem.ts";

/** One entry of a legacy APIResourceList. */
export interface ResourceEntry {
  /** `pods`, `pods/log`. */
  readonly name: string;
  readonly singularName: string;
  readonly namespaced: boolean;
  readonly kind: string;
  /** Of another group than the list. */
  readonly group?: string;
  readonly version?: string;
  readonly verbs: readonly string[];
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
}

/** The same resources by group and version: `v1`, `apps/v1`. */
export type ResourceLists = ReadonlyMap<string, readonly ResourceEntry[]>;

const type = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/** What to call the aggregated answer; undefined when the client does not know it. */
export function aggregatedType({ headers }: Pick<IncomingMessage, "headers">): string | undefined {
  const accepted = (headers.accept ?? "").replaceAll(" ", "").split(",");
  return accepted.some((wish) => wish === type || wish.startsWith(`${type};`)) ? type : undefined;
}

/** @param lists - those of the core group alone, or those of all others. */
export function aggregatedDiscovery(lists: ResourceLists): object {
  const groups = Map.groupBy(lists, ([groupVersion]) => groupOf(groupVersion));
  return {
    kind: "APIGroupDiscoveryList",
    apiVersion: "apidiscovery.k8s.io/v2",
    metadata: {},
    items: [...groups].map(([group, versions]) => ({
      metadata: { ...(group !== "" && { name: group }) },
      versions: versions.map(([groupVersion, entries]) => ({
        version: groupVersion.split("/").at(-1),
        resources: entries
          .filter(({ name }) => !name.includes("/"))
          .map((entry) => resourceOf(groupVersion, entry, entries)),
        freshness: "Current",
      })),
    })),
  };
}

function resourceOf(
  groupVersion: string,
  entry: ResourceEntry,
  all: readonly ResourceEntry[],
): object {
  const { name, singularName, namespaced, verbs, shortNames, categories } = entry;
  const inner = all.filter((other) => other.name.startsWith(`${name}/`));
  return {
    resource: name,
    responseKind: kindOf(groupVersion, entry),
    scope: namespaced ? "Namespaced" : "Cluster",
    singularResource: singularName,
    verbs,
    ...(shortNames && { shortNames }),
    ...(categories && { categories }),
    ...(inner.length > 0 && {
      subresources: inner.map((part) => ({
        subresource: part.name.slice(name.length + 1),
        responseKind: kindOf(groupVersion, part),
        verbs: part.verbs,
      })),
    }),
  };
}

function kindOf(groupVersion: string, { kind, group, version }: ResourceEntry): object {
  return {
    group: group ?? groupOf(groupVersion),
    version: version ?? groupVersion.split("/").at(-1),
    kind,
  };
}
