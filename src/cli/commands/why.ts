/** `nspod why POD`: what is it waiting for, why did it die. Gathers all that is known and has it said in words. */
import { isPodError } from "../../base/errors.ts";
import type { PodFacts } from "../../pod/pod-facts.ts";
import type { PersistentVolumeClaim } from "../../spec/kubernetes.gen.ts";
import type { ContainerStatus, Pod } from "../../spec/pod.ts";
import { podReferences } from "../../spec/pod-references.ts";
import { resourceOfKind } from "../../spec/resources.ts";
import { K } from "../../sys/abi.ts";
import { type Context, podsPath } from "../context.ts";
import { signalOf } from "../exit-meaning.ts";
import { parseResource, podName } from "../object-arguments.ts";
import { eventsOf, getObject } from "../objects.ts";
import { type BlockedCall, blockedCalls, readKernelLog } from "../seccomp-audit.ts";
import { showsLog } from "../why-container.ts";
import { type MissingObject, whyPod } from "../why-pod.ts";

/** Lines of each log. */
const shownLines = 5;

export async function explainPods(context: Context, words: readonly string[]): Promise<number> {
  const { client, namespace, screen } = context;
  const named = words[0] === "pod" || words[0] === "pods" ? words.slice(1) : words;
  for (const [index, name] of named.map(podName).entries()) {
    const pod = await getObject<Pod>(client, { resource: parseResource("pods"), namespace, name });
    const events = await eventsOf(client, pod);
    const facts = await factsOf(context, pod);
    if (index > 0) screen.print("");
    screen.print(
      whyPod({
        pod,
        events,
        facts,
        missing: await missingObjects(context, pod),
        logs: await lastLines(context, pod),
        blocked: blockedOf(pod),
        nowMs: Date.now(),
      }),
    );
  }
  return 0;
}

async function factsOf({ client }: Context, { metadata }: Pod): Promise<PodFacts> {
  const { namespace, name } = metadata;
  const path = `/nspod/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}/facts`;
  return await client.json<PodFacts>("GET", path);
}

function statuses({ status }: Pod): readonly ContainerStatus[] {
  return [
    ...(status?.initContainerStatuses ?? []),
    ...(status?.containerStatuses ?? []),
    ...(status?.ephemeralContainerStatuses ?? []),
  ];
}

async function lastLines(
  { client }: Context,
  pod: Pod,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const { namespace, name } = pod.metadata;
  const logs = new Map<string, readonly string[]>();
  for (const status of statuses(pod).filter(showsLog)) {
    const query = { container: status.name, tailLines: shownLines };
    const text = await client
      .text("GET", podsPath(namespace, name, "log"), { query })
      // A container that never ran has no log; the rest is worth telling without it.
      .catch(() => "");
    logs.set(status.name, text === "" ? [] : text.trimEnd().split("\n"));
  }
  return logs;
}

/** Only when a container died of a forbidden system call: the kernel's log is long. */
function blockedOf(pod: Pod): readonly BlockedCall[] {
  const isBlocked = statuses(pod).some(({ state, lastState }) =>
    [state?.terminated, lastState?.terminated].some((end) => end && signalOf(end) === K.SIGSYS),
  );
  return isBlocked ? blockedCalls(readKernelLog()) : [];
}

/** What a pod that has not begun refers to and cannot have; optional things are not needed. */
async function missingObjects({ client }: Context, pod: Pod): Promise<readonly MissingObject[]> {
  if (pod.status?.phase !== "Pending") return [];
  const { namespace } = pod.metadata;
  const missing: MissingObject[] = [];
  for (const reference of podReferences(pod)) {
    const [kind = "", name = ""] = reference.split("/");
    const resource = resourceOfKind(kind);
    if (resource === undefined || isOptional(pod, kind, name)) continue;
    try {
      const object = await getObject(client, { resource, namespace, name });
      if (object.kind !== "PersistentVolumeClaim") continue;
      const claim = object as PersistentVolumeClaim;
      if (claim.status?.phase === "Bound") continue;
      const trouble = (await eventsOf(client, claim)).findLast(({ type }) => type === "Warning");
      const why = trouble === undefined ? "" : `: ${trouble.message}`;
      missing.push({ kind, name, trouble: `is ${claim.status?.phase ?? "Pending"}${why}` });
    } catch (error) {
      if (!isPodError(error, "NotFound")) throw error;
      missing.push({ kind, name });
    }
  }
  return missing;
}

/** Whether every place that names the object can do without it. */
function isOptional(pod: Pod, kind: string, name: string): boolean {
  const places: boolean[] = [];
  const look = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    for (const [key, child] of Object.entries(value)) {
      const source = child as {
        readonly name?: string;
        readonly secretName?: string;
        readonly optional?: boolean;
      };
      const isPlace = key.toLowerCase().startsWith(kind.toLowerCase());
      if (isPlace && (source?.name === name || source?.secretName === name)) {
        places.push(source.optional === true);
      }
      look(child);
    }
  };
  look(pod.spec);
  return places.length > 0 && places.every(Boolean);
}
