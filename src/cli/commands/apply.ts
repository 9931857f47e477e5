/**
 * `nspod apply -f`: makes the pods of manifests be as they say.
 *
 * The manifest that was applied last is kept in kubectl's annotation, so that a label which
 * disappears from the manifest disappears from the pod, while labels that others set stay.
 * What may change in a running pod, the daemon decides and words as Kubernetes does.
 */
import { isDeepStrictEqual } from "node:util";
import { isPodError, PodError } from "../../base/errors.ts";
import type { ObjectMeta } from "../../spec/meta.ts";
import type { Pod } from "../../spec/pod.ts";
import { type Context, podsPath } from "../context.ts";
import { readPods } from "../manifests.ts";

export const lastAppliedAnnotation = "kubectl.kubernetes.io/last-applied-configuration";

const attempts = 5;

export type ApplyResult = "created" | "configured" | "unchanged";

export interface ApplyOptions {
  readonly filename: readonly string[];
  readonly output?: "name";
}

export async function applyManifests(context: Context, options: ApplyOptions): Promise<number> {
  let failures = 0;
  for (const pod of readPods(options.filename, context.givenNamespace)) {
    const { name } = pod.metadata;
    try {
      const result = await applyPod(context, pod);
      context.screen.print(options.output === "name" ? `pod/${name}` : `pod/${name} ${result}`);
    } catch (error) {
      if (!(error instanceof PodError)) throw error;
      // What is wrong with a field says the field; which of the manifests' pods, we have to say.
      const whose = error.kind === "InvalidArgument" ? `pod/${name}: ` : "";
      context.screen.remark(`nspod: ${whose}${error.message}`);
      failures += 1;
    }
  }
  return failures === 0 ? 0 : 1;
}

async function applyPod({ client }: Context, wanted: Pod): Promise<ApplyResult> {
  const { namespace, name } = wanted.metadata;
  const path = podsPath(namespace, name);
  for (let attempt = 1; ; attempt++) {
    let live: Pod;
    try {
      live = await client.json<Pod>("GET", path);
    } catch (error) {
      if (!isPodError(error, "NotFound")) throw error;
      await client.json("POST", podsPath(namespace), { body: markApplied(wanted) });
      return "created";
    }
    const merged = mergePod(live, wanted);
    if (isDeepStrictEqual(merged, live)) return "unchanged";
    try {
      await client.json("PUT", path, { body: merged });
      return "configured";
    } catch (error) {
      // Somebody else wrote in between: look again.
      if (!isPodError(error, "Conflict") || attempt === attempts) throw error;
    }
  }
}

/** The pod with the manifest in its annotation. */
export function markApplied(pod: Pod): Pod {
  const { metadata, spec } = pod;
  const { labels, annotations, name, namespace } = metadata;
  const manifest = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { annotations: annotations ?? {}, labels, name, namespace },
    spec,
  };
  return {
    ...pod,
    metadata: {
      ...metadata,
      annotations: { ...annotations, [lastAppliedAnnotation]: `${JSON.stringify(manifest)}\n` },
    },
  };
}

/** The live pod with the wish of the manifest; equal to `live` when there is nothing to change. */
export function mergePod(live: Pod, wanted: Pod): Pod {
  const marked = markApplied(wanted).metadata;
  const before = lastApplied(live.metadata);
  const labels = mergeMap(live.metadata.labels, before.labels, marked.labels);
  const annotations = mergeMap(live.metadata.annotations, before.annotations, marked.annotations);
  const { labels: _labels, annotations: _annotations, ...rest } = live.metadata;
  return {
    ...live,
    metadata: {
      ...rest,
      ...(labels !== undefined && { labels }),
      ...(annotations !== undefined && { annotations }),
    },
    // JSON drops what is undefined, as the way to the daemon does.
    spec: JSON.parse(JSON.stringify(wanted.spec)) as Pod["spec"],
  };
}

type StringMap = Readonly<Record<string, string>>;

function lastApplied({ annotations }: ObjectMeta): {
  readonly labels?: StringMap;
  readonly annotations?: StringMap;
} {
  try {
    const { metadata } = JSON.parse(annotations?.[lastAppliedAnnotation] ?? "{}") as {
      readonly metadata?: { readonly labels?: StringMap; readonly annotations?: StringMap };
    };
    return metadata ?? {};
  } catch {
    // Somebody wrote nonsense into the annotation: then nothing is known to have been applied.
    return {};
  }
}

function mergeMap(
  live: StringMap | undefined,
  before: StringMap | undefined,
  wanted: StringMap | undefined,
): StringMap | undefined {
  const kept = Object.entries(live ?? {}).filter(
    ([key]) => before?.[key] === undefined || wanted?.[key] !== undefined,
  );
  const merged = { ...Object.fromEntries(kept), ...wanted };
  return live === undefined && Object.keys(merged).length === 0 ? undefined : merged;
}
