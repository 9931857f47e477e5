/**
 * `nspod kubeconfig`: what kubectl needs to be the administrator of this instance, certificates included.
 * Source: Kubernetes, "Organizing Cluster Access Using kubeconfig Files".
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { pkiFolder, serverAddressFile } from "../../apiserver/pki-names.ts";
import { hasCode, PodError } from "../../base/errors.ts";
import type { Context } from "../context.ts";

export interface KubeconfigOptions {
  readonly server?: string;
}

/** @throws PodError FailedPrecondition when no daemon has listened on TCP yet. */
export function printKubeconfig(context: Context, options: KubeconfigOptions): number {
  const folder = join(context.instance.root, pkiFolder);
  const read = (name: string): Buffer => readOf(join(folder, name));
  const base64 = (name: string): string => read(name).toString("base64");
  const name = "nspod";
  const user = "nspod-admin";
  const server = options.server ?? read(serverAddressFile).toString().trim();
  const namespace = context.givenNamespace;
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name, cluster: { server, "certificate-authority-data": base64("ca.crt") } }],
    users: [
      {
        name: user,
        user: {
          "client-certificate-data": base64("admin.crt"),
          "client-key-data": base64("admin.key"),
        },
      },
    ],
    contexts: [{ name, context: { cluster: name, user, ...(namespace && { namespace }) } }],
    "current-context": name,
  };
  context.screen.print(stringify(config, { lineWidth: 0 }).trimEnd());
  return 0;
}

function readOf(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    if (!hasCode(cause, "ENOENT")) throw cause;
    throw new PodError(
      "FailedPrecondition",
      `Cannot read "${path}": this instance has never listened on TCP: run "nspod daemon --listen 127.0.0.1:6443" first`,
      { cause },
    );
  }
}
