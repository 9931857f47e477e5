/**
 * The API on TCP: certificates, the port, and what `nspod kubeconfig` reads, written when the port is open.
 *
 *   <root>/pki/server   0600   the address that clients are told, like https://127.0.0.1:6443
 */
import { hostname } from "node:os";
import { join } from "node:path";
import { ensurePki } from "../apiserver/pki.ts";
import { pkiFolder, serverAddressFile } from "../apiserver/pki-names.ts";
import type { ApiServer } from "../apiserver/server.ts";
import { atomicWrite } from "../base/atomic-write.ts";
import { messageOf, PodError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { apiAddress } from "../controller/service-allocator.ts";
import type { Configuration, ListenAddress } from "./configuration.ts";
import type { OpenApi } from "./pod-api.ts";

/** @throws PodError FailedPrecondition when the address cannot be listened on. */
export async function listenTls(options: {
  readonly server: Pick<ApiServer, "listenTls">;
  readonly configuration: Configuration;
  readonly logger: Logger;
  readonly listen: ListenAddress;
  readonly nowMs: number;
}): Promise<OpenApi> {
  const { server, configuration, listen, logger, nowMs } = options;
  const { instance } = configuration;
  const names = [...namesOf(listen), apiAddress(instance.serviceSubnet)];
  const pki = await ensurePki(instance.root, names, nowMs);
  const port = await open(server, { ...listen, pki });
  const url = `https://${shownHost(listen)}:${port}`;
  atomicWrite(join(instance.root, pkiFolder, serverAddressFile), `${url}\n`);
  logger.info({ url }, "Listening with TLS");
  return { certificate: pki.authority.certificate, port };
}

async function open(
  server: Pick<ApiServer, "listenTls">,
  wish: Parameters<ApiServer["listenTls"]>[0],
): Promise<number> {
  try {
    return await server.listenTls(wish);
  } catch (cause) {
    throw new PodError(
      "FailedPrecondition",
      `Cannot listen on "${wish.host}:${wish.port}": ${messageOf(cause)}`,
      { cause },
    );
  }
}

/** What a certificate must be good for: the address, and the names that Kubernetes gives an API server. */
function namesOf({ host }: ListenAddress): readonly string[] {
  const names = [
    "localhost",
    "127.0.0.1",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
    ...(isAny(host) ? [hostname().toLowerCase()] : [host]),
  ];
  return [...new Set(names)];
}

function isAny(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

function shownHost({ host }: ListenAddress): string {
  if (isAny(host)) return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}
