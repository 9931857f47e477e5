/** The name server of the cluster, and the rules of Services that lead to its port. */
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { ServiceProxy } from "../controller/service-proxy.ts";
import { hostResolver } from "../net/dns.ts";
import { Forwarder } from "../net/dns-forwarder.ts";
import { DnsServer } from "../net/dns-server.ts";
import type { Store } from "../store/store.ts";

/** Names of the cluster from the proxy's Services; all others from the name servers of the host. */
export function nameServer(proxy: ServiceProxy, log: Logger): DnsServer {
  return new DnsServer({
    zone: proxy.zone(),
    forwarder: new Forwarder({ servers: () => hostResolver(true).config.nameservers }),
    onError: (error) => log.error({ error: messageOf(error) }, "a name was not looked up"),
  });
}

/** Listens. The port is kept for the next daemon: rules lead to it already. */
export async function serveNames(
  server: DnsServer,
  proxy: ServiceProxy,
  { store, log, isNeeded }: { store: Store; log: Logger; isNeeded: boolean },
): Promise<void> {
  const ports = store.table<number>("dns");
  const known = ports.get("port");
  try {
    const port = await server.listen(known);
    if (port !== known) ports.put("port", port);
    proxy.serveNames(port, isNeeded);
  } catch (error) {
    log.error({ error: messageOf(error) }, "no name server: names of Services do not resolve");
  }
}
