/**
 * The other nodes of the cluster as this host's network has to know them: routes to their pods, and packet rules that
 * let pods and nodes reach each other without translation.
 */

import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { Firewall } from "../net/firewall.ts";
import type { NodeRoute, NodeRoutes } from "../net/node-routes.ts";
import type { Node } from "../spec/kubernetes.gen.ts";
import type { ObjectSource } from "../store/object-source.ts";

export interface ClusterNetworkOptions {
  readonly objects: ObjectSource;
  readonly nodeName: string;
  readonly routes: NodeRoutes;
  readonly firewall: Pick<Firewall, "setPeers">;
  readonly log: Logger;
}

export class ClusterNetwork implements Disposable {
  readonly #options: ClusterNetworkOptions;
  #unfollow: () => void = () => undefined;
  #turn: NodeJS.Immediate | undefined;
  #applied = "[]";

  constructor(options: ClusterNetworkOptions) {
    this.#options = options;
  }

  start(): void {
    const { objects, routes } = this.#options;
    // Nodes may have gone while nobody looked.
    if (!routes.isEmpty) this.#applied = "";
    this.#unfollow = objects.follow(({ object }) => {
      if (object.kind === "Node") this.#turn ??= setImmediate(() => this.#sync());
    });
    this.#sync();
  }

  [Symbol.dispose](): void {
    this.#unfollow();
    clearImmediate(this.#turn);
  }

  #sync(): void {
    this.#turn = undefined;
    const { objects, nodeName, routes, firewall, log } = this.#options;
    const others = objects
      .list<Node>("Node")
      .items.filter(({ metadata }) => metadata.name !== nodeName);
    const wanted = others.flatMap((node) => routeOf(node) ?? []);
    const text = JSON.stringify(wanted);
    // Heartbeats change nothing.
    if (text === this.#applied) return;
    try {
      const far = routes.apply(wanted);
      firewall.setPeers(wanted.flatMap(({ podCidr, gateway }) => [podCidr, gateway]));
      this.#applied = text;
      for (const { podCidr, gateway } of far) {
        log.warn({ podCidr, gateway }, "no route to the pods of a node: it is on another network");
      }
    } catch (error) {
      log.error({ error: messageOf(error) }, "cannot lead to the pods of other nodes");
    }
  }
}

/** Pure. */
export function routeOf({ spec, status }: Node): NodeRoute | undefined {
  const gateway = status?.addresses?.find(({ type }) => type === "InternalIP")?.address;
  const podCidr = spec?.podCIDR;
  return gateway === undefined || podCidr === undefined ? undefined : { podCidr, gateway };
}
