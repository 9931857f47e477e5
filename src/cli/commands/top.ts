/** `nspod top`: cpu and memory of pods, containers and the node. */
import { PodError } from "../../base/errors.ts";
import type { PodUsage } from "../../pod/pod-meter.ts";
import type { List } from "../../spec/list.ts";
import { parseQuantity } from "../../spec/quantity.ts";
import type { Context } from "../context.ts";
import { podName } from "../object-arguments.ts";
import { formatTable } from "../table.ts";
import { cpuCell, memoryCell, type TopOptions, topRows } from "../usage-rows.ts";

export interface TopPodsOptions extends TopOptions {
  readonly selector?: string;
  readonly fieldSelector?: string;
}

export async function topPods(
  context: Context,
  words: readonly string[],
  options: TopPodsOptions,
): Promise<number> {
  const names = words.map(podName);
  if (names.length > 0 && (options.allNamespaces || options.selector !== undefined)) {
    throw new PodError("InvalidArgument", "Names cannot be combined with -A or -l");
  }
  const pods = await readUsage(context, names, options);
  if (pods.length === 0) {
    const where = options.allNamespaces ? "" : ` in ${context.namespace} namespace`;
    context.screen.remark(`No resources found${where}.`);
    return 0;
  }
  context.screen.print(formatTable(topRows(pods, options)));
  return 0;
}

/** @throws PodError NotFound for a name that no running pod has. */
export async function readUsage(
  { client, namespace }: Context,
  names: readonly string[],
  options: Pick<TopPodsOptions, "allNamespaces" | "selector" | "fieldSelector">,
): Promise<readonly PodUsage[]> {
  const path = options.allNamespaces
    ? "/nspod/v1/stats"
    : `/nspod/v1/namespaces/${encodeURIComponent(namespace)}/stats`;
  const { items } = await client.json<{ readonly items: readonly PodUsage[] }>("GET", path, {
    query: { labelSelector: options.selector, fieldSelector: options.fieldSelector },
  });
  if (names.length === 0) return items;
  for (const name of names) {
    if (items.some((pod) => pod.name === name)) continue;
    throw new PodError("NotFound", `Pod "${namespace}/${name}" is not found or does not run`);
  }
  return items.filter(({ name }) => names.includes(name));
}

interface NodeMetrics {
  readonly metadata: { readonly name: string };
  readonly usage: { readonly cpu: string; readonly memory: string };
}

interface Node {
  readonly metadata: { readonly name: string };
  readonly status?: { readonly allocatable?: Readonly<Record<string, string>> };
}

export async function topNodes(
  { client, screen }: Context,
  options: { readonly headers?: boolean },
): Promise<number> {
  const [metrics, nodes] = await Promise.all([
    client.json<List<NodeMetrics>>("GET", "/apis/metrics.k8s.io/v1beta1/nodes"),
    client.json<List<Node>>("GET", "/api/v1/nodes"),
  ]);
  const rows = metrics.items.map(({ metadata: { name }, usage }) => {
    const node = nodes.items.find(({ metadata }) => metadata.name === name);
    const allocatable = node?.status?.allocatable ?? {};
    const cpu = amountOf(usage.cpu);
    const memory = amountOf(usage.memory);
    return [
      name,
      cpuCell(cpu * 1000),
      percent(cpu, allocatable["cpu"]),
      memoryCell(memory),
      percent(memory, allocatable["memory"]),
    ];
  });
  const heading = ["NAME", "CPU(cores)", "CPU(%)", "MEMORY(bytes)", "MEMORY(%)"];
  screen.print(formatTable(options.headers === false ? rows : [heading, ...rows]));
  return 0;
}

function amountOf(quantity: string): number {
  return Number(parseQuantity(quantity).nano) / 1e9;
}

function percent(used: number, allocatable: string | undefined): string {
  if (allocatable === undefined || amountOf(allocatable) === 0) return "<unknown>";
  return `${Math.floor((100 * used) / amountOf(allocatable))}%`;
}
