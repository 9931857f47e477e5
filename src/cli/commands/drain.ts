/** `nspod drain`: cordons a node, evicts its pods, and waits until they are gone. */
import { isPodError, messageOf, PodError } from "../../base/errors.ts";
import type { Pod } from "../../spec/pod.ts";
import { type Context, podsPath } from "../context.ts";
import { type DrainOptions, listToDrain } from "../drain-filter.ts";
import { parseDuration } from "../duration.ts";
import { currentObject, followObject } from "../follow-object.ts";
import { nodeName } from "../node-name.ts";
import { parseResource } from "../object-arguments.ts";
import { deleteObject, listObjects } from "../objects.ts";
import { pause } from "../pause.ts";
import { cordonNode } from "./cordon.ts";

export interface DrainCommand extends DrainOptions {
  readonly gracePeriod?: string;
  readonly timeout: string;
  readonly podSelector?: string;
  readonly disableEviction?: boolean;
}

/** A budget that forbids an eviction is asked again. */
const retryMs = 5_000;

export async function drainNode(
  context: Context,
  word: string,
  options: DrainCommand,
): Promise<number> {
  const { client, screen } = context;
  const { name } = nodeName(word);
  const timeoutMs = parseDuration(options.timeout, "--timeout");
  const signal = timeoutMs === 0 ? new AbortController().signal : AbortSignal.timeout(timeoutMs);
  await cordonNode(context, word, true);
  const { items } = await listObjects<Pod>(client, {
    resource: parseResource("pods"),
    namespace: "",
    fieldSelector: `spec.nodeName=${name}`,
    labelSelector: options.podSelector,
  });
  const { pods, errors, warnings } = listToDrain(items, options);
  if (errors.length > 0) {
    const all = errors.length === 1 ? errors.join() : `[${errors.join(", ")}]`;
    throw new PodError("FailedPrecondition", `unable to drain node "${name}": ${all}`);
  }
  if (warnings.length > 0) screen.remark(`Warning: ${warnings.join("; ")}`);
  const results = await Promise.all(pods.map((pod) => evictPod(context, pod, options, signal)));
  if (!results.every(Boolean)) {
    screen.remark(`nspod: drain did not complete within ${options.timeout}`);
    return 1;
  }
  screen.print(`node/${name} drained`);
  return 0;
}

/** @returns whether the pod is gone before the time is over. */
async function evictPod(
  context: Context,
  pod: Pod,
  options: DrainCommand,
  signal: AbortSignal,
): Promise<boolean> {
  const { client, screen } = context;
  const { namespace, name } = pod.metadata;
  screen.print(`evicting pod ${namespace}/${name}`);
  while (!signal.aborted) {
    try {
      await requestEviction(context, pod, options);
      for await (const _ of followObject(client, parseResource("pods"), pod, signal));
      const isGone = (await currentObject(client, parseResource("pods"), pod)) === undefined;
      if (isGone) screen.print(`pod/${name} ${options.disableEviction ? "deleted" : "evicted"}`);
      return isGone;
    } catch (error) {
      if (isPodError(error, "NotFound")) return true;
      if (!isPodError(error, "ResourceExhausted")) throw error;
      screen.remark(
        `error when evicting pods/"${name}" -n "${namespace}" (will retry after 5s): ${messageOf(error)}`,
      );
      await pause(retryMs, signal);
    }
  }
  return false;
}

async function requestEviction(
  { client }: Context,
  { metadata }: Pod,
  { gracePeriod, disableEviction }: DrainCommand,
): Promise<void> {
  const { namespace, name, uid } = metadata;
  const seconds = gracePeriod === undefined ? undefined : Number(gracePeriod);
  if (seconds !== undefined && (!Number.isInteger(seconds) || seconds < 0)) {
    throw new PodError("InvalidArgument", `--grace-period: must be seconds: got "${gracePeriod}"`);
  }
  const grace = seconds === undefined ? {} : { gracePeriodSeconds: seconds };
  if (disableEviction === true) {
    await deleteObject(
      client,
      { resource: parseResource("pods"), namespace, name },
      { uid, ...grace },
    );
    return;
  }
  const deleteOptions = { ...grace, preconditions: { uid } };
  const body = {
    apiVersion: "policy/v1",
    kind: "Eviction",
    metadata: { name, namespace },
    deleteOptions,
  };
  await client.json("POST", podsPath(namespace, name, "eviction"), { body });
}
