/**
 * The node of an agent that is alone, on an API server: registers it, keeps its status as the facts are, and renews
 * its lease. Source: Kubernetes, "Nodes", "Self-registration of Nodes", "Node Heartbeats".
 */
import type { Clock } from "../base/clock.ts";
import { isPodError, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { ContainerImage, Lease, Node } from "../spec/kubernetes.gen.ts";
import { volumesFolder } from "../volume/local-path.ts";
import type { KubernetesClient } from "./kubernetes-client.ts";
import { type MachineFacts, readLevels, readMachine } from "./node-facts.ts";
import { leaseNamespace, renewedLease } from "./node-lease.ts";
import { heartbeatMs, isSameNode, type NodeFacts, nodeObject } from "./node-object.ts";

export interface RemoteNodeOptions {
  readonly client: Pick<KubernetesClient, "json" | "dropConnections">;
  readonly clock: Clock;
  readonly log: Logger;
  readonly nodeName: string;
  readonly address: () => string;
  readonly version: string;
  /** The instance's data root. */
  readonly root: string;
  readonly images: () => readonly ContainerImage[];
  /** Port of the endpoints that the API server calls. */
  readonly kubeletPort: () => number;
  readonly leaseSeconds: number;
  /** Why no pod can run yet; undefined when they can. */
  readonly problem: () => string | undefined;
  readonly maxPods: () => number;
}

type Words = Readonly<Record<string, string>>;

const nodesPath = "/api/v1/nodes";
const leasesPath = `/apis/coordination.k8s.io/v1/namespaces/${leaseNamespace}/leases`;

/** After so many lost renewals connections are taken for dead, as the kubelet does. */
const mostLost = 2;

export class RemoteNode {
  readonly #options: RemoteNodeOptions;
  #machine: MachineFacts | undefined;
  #node: Node | undefined;
  #lease: Lease | undefined;
  #writtenAtMs = 0;
  #lost = 0;

  constructor(options: RemoteNodeOptions) {
    this.#options = options;
  }

  /** Makes the object when it is missing, and writes what differs. @throws PodError of the server. */
  async refresh(): Promise<Node> {
    const { client, nodeName, clock } = this.#options;
    const path = `${nodesPath}/${nodeName}`;
    const facts = this.#facts();
    try {
      const current = await client.json<Node>("GET", path);
      const next = nodeObject(facts, current);
      const labelled = await this.#label(current, next);
      const isDue = clock.now() - this.#writtenAtMs >= heartbeatMs;
      if (isSameNode(labelled, { ...next, metadata: labelled.metadata }) && !isDue) {
        this.#node = labelled;
        return labelled;
      }
      const body = { ...labelled, status: next.status };
      this.#node = await client.json<Node>("PUT", `${path}/status`, { body });
    } catch (error) {
      if (!isPodError(error, "NotFound")) throw error;
      await client.json<Node>("POST", nodesPath, { body: nodeObject(facts, undefined) });
      // A server may take the status by its own path only.
      const created = await client.json<Node>("GET", path);
      const body = { ...created, status: nodeObject(facts, created).status };
      this.#node = await client.json<Node>("PUT", `${path}/status`, { body });
    }
    this.#writtenAtMs = clock.now();
    return this.#node;
  }

  /** Says that the node is alive. What fails is tried again with the next renewal. */
  async renewLease(): Promise<void> {
    const { client, log, clock, nodeName, leaseSeconds } = this.#options;
    const facts = {
      nodeName,
      node: this.#node,
      durationSeconds: leaseSeconds,
      nowMs: clock.now(),
    };
    const path = `${leasesPath}/${nodeName}`;
    try {
      this.#lease ??= await this.#readLease(path);
      const body = renewedLease(facts, this.#lease);
      this.#lease =
        this.#lease === undefined
          ? await client.json<Lease>("POST", leasesPath, { body })
          : await client.json<Lease>("PUT", path, { body });
      this.#lost = 0;
    } catch (error) {
      // Somebody else has written it, or it is gone: it is read anew.
      this.#lease = undefined;
      log.warn({ error: messageOf(error) }, "cannot renew the lease of the node");
      if (!isPodError(error, "Unavailable")) return;
      this.#lost++;
      if (this.#lost % mostLost === 0) client.dropConnections();
    }
  }

  async #readLease(path: string): Promise<Lease | undefined> {
    try {
      return await this.#options.client.json<Lease>("GET", path);
    } catch (error) {
      if (isPodError(error, "NotFound")) return undefined;
      throw error;
    }
  }

  /** Labels and annotations that the node has of itself. */
  async #label(current: Node, { metadata }: Node): Promise<Node> {
    const { client, nodeName } = this.#options;
    const { labels, annotations } = metadata;
    const hasAll = (known: Words = {}, wanted: Words = {}): boolean =>
      Object.entries(wanted).every(([key, value]) => known[key] === value);
    const isSame =
      hasAll(current.metadata.labels, labels) && hasAll(current.metadata.annotations, annotations);
    if (isSame) return current;
    return await client.json<Node>("PATCH", `${nodesPath}/${nodeName}`, {
      body: { metadata: { labels, annotations } },
      contentType: "application/merge-patch+json",
    });
  }

  #facts(): NodeFacts {
    const { nodeName, address, version, root, images, kubeletPort, problem, clock, maxPods } =
      this.#options;
    this.#machine ??= readMachine();
    const why = problem();
    return {
      name: nodeName,
      machine: this.#machine,
      levels: readLevels(root),
      volumesFolder: volumesFolder(root),
      address: address(),
      maxPods: maxPods(),
      version,
      images: images(),
      nowMs: clock.now(),
      kubeletPort: kubeletPort(),
      ...(why !== undefined && { problem: why }),
    };
  }
}
