/**
 * What pods and the node use: as the metrics API of Kubernetes, and with all that the kernel tells at /nspod/v1/stats.
 * Source: Kubernetes metrics API, metrics.k8s.io/v1beta1 PodMetrics and NodeMetrics, as metrics-server fills them.
 */
import { toTime } from "../base/clock.ts";
import type { MachineUsage, PodUsage, Usage } from "../pod/pod-meter.ts";
import { notFound } from "../spec/object-problem.ts";
import type { Pod } from "../spec/pod.ts";
import type { ResourceEntry } from "./aggregated-discovery.ts";
import { findObject } from "./read-objects.ts";
import { type Exchange, type Route, sendJson } from "./router.ts";
import { Selection } from "./selection.ts";

export const metricsVersion = "metrics.k8s.io/v1beta1";

const root = `/apis/${metricsVersion}`;
const selectors = ["labelSelector", "fieldSelector", "limit", "resourceVersion", "timeout"];

async function usageOfPods(exchange: Exchange): Promise<readonly PodUsage[]> {
  const { backend, parameters, query } = exchange;
  const selection = new Selection(query, "Pod");
  const namespace = parameters.get("namespace");
  const { items } = backend.store.list<Pod>("Pod", namespace || undefined);
  return await backend.usageOfPods(items.filter((pod) => selection.matches(pod)));
}

function podList(path: string): Route {
  return {
    method: "GET",
    path,
    query: selectors,
    handle: async (exchange) => {
      const items = (await usageOfPods(exchange)).map(podMetrics);
      sendJson(exchange.response, 200, {
        kind: "PodMetricsList",
        apiVersion: metricsVersion,
        metadata: {},
        items,
      });
    },
  };
}

/** What discovery says of them. */
export const metricsEntries: readonly ResourceEntry[] = [
  metricsEntry("nodes", "NodeMetrics", false),
  metricsEntry("pods", "PodMetrics", true),
];

function metricsEntry(name: string, kind: string, namespaced: boolean): ResourceEntry {
  return { name, singularName: "", namespaced, kind, verbs: ["get", "list"] };
}

export const metricsRoutes: readonly Route[] = [
  podList(`${root}/pods`),
  podList(`${root}/namespaces/{namespace}/pods`),
  {
    method: "GET",
    path: `${root}/namespaces/{namespace}/pods/{name}`,
    query: ["timeout"],
    handle: async (exchange) => {
      const pod = findObject<Pod>(exchange, "Pod");
      const [usage] = await exchange.backend.usageOfPods([pod]);
      if (usage === undefined) throw notFound("PodMetrics", pod.metadata.name);
      sendJson(exchange.response, 200, podMetrics(usage));
    },
  },
  {
    method: "GET",
    path: `${root}/nodes`,
    query: selectors,
    handle: async ({ backend, response }) => {
      const items = (await backend.usageOfMachines()).map(nodeMetrics);
      const identity = { kind: "NodeMetricsList", apiVersion: metricsVersion };
      sendJson(response, 200, { ...identity, metadata: {}, items });
    },
  },
  {
    method: "GET",
    path: `${root}/nodes/{name}`,
    query: ["timeout"],
    handle: async ({ backend, response, parameters }) => {
      const name = parameters.get("name");
      const usage = (await backend.usageOfMachines()).find((each) => each.name === name);
      if (usage === undefined) throw notFound("NodeMetrics", name);
      sendJson(response, 200, nodeMetrics(usage));
    },
  },
  ...["/nspod/v1/stats", "/nspod/v1/namespaces/{namespace}/stats"].map(
    (path): Route => ({
      method: "GET",
      path,
      query: selectors,
      handle: async (exchange) =>
        sendJson(exchange.response, 200, { items: await usageOfPods(exchange) }),
    }),
  ),
];

/** A pod's containers; what this host cannot measure is left out of `usage`. */
export function podMetrics(usage: PodUsage): object {
  const { name, namespace, labels, timeMs, windowMs, containers } = usage;
  return {
    kind: "PodMetrics",
    apiVersion: metricsVersion,
    metadata: { name, namespace, creationTimestamp: toTime(timeMs), labels },
    timestamp: toTime(timeMs),
    window: duration(windowMs),
    containers: containers.map((container) => ({
      name: container.name,
      usage: quantities(container),
    })),
  };
}

export function nodeMetrics({
  name,
  timeMs,
  windowMs,
  cpuMillis,
  memoryBytes,
}: MachineUsage): object {
  return {
    kind: "NodeMetrics",
    apiVersion: metricsVersion,
    metadata: { name, creationTimestamp: toTime(timeMs) },
    timestamp: toTime(timeMs),
    window: duration(windowMs),
    usage: { cpu: nanocores(cpuMillis), memory: kibibytes(memoryBytes) },
  };
}

function quantities({ cpuMillis, memory }: Usage): Readonly<Record<string, string>> {
  return {
    ...(cpuMillis === undefined ? {} : { cpu: nanocores(cpuMillis) }),
    ...(memory === undefined ? {} : { memory: kibibytes(memory.workingSetBytes) }),
  };
}

/** The units that metrics-server uses. */
function nanocores(millis: number): string {
  return `${Math.round(millis * 1e6)}n`;
}

function kibibytes(bytes: number): string {
  return `${Math.round(bytes / 1024)}Ki`;
}

/** Go's form of a duration. */
function duration(ms: number): string {
  return `${Math.round(ms) / 1000}s`;
}
