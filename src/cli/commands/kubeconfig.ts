/**
 * `nspod kubeconfig`: what kubectl needs to be the administrator of this instance, certificates included.
 * Source: Kubernetes, "Organizing Cluster Access Using kubeconfig Files".
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { nodeUserPrefix, pkiFolder, serverAddressFile } from "../../apiserver/pki-names.ts";
import { hasCode, PodError } from "../../base/errors.ts";
import type { Context } from "../context.ts";

export interface KubeconfigOptions {
  readonly server?: string;
  /** Name of a node that is to be. */
  readonly node?: string;
}

/** @throws PodError FailedPrecondition when no daemon has listened on TCP yet. */
export async function printKubeconfig(
  context: Context,
  options: KubeconfigOptions,
): Promise<number> {
  const folder = join(context.instance.root, pkiFolder);
  const read = (name: string): Buffer => readOf(join(folder, name));
  const base64 = (name: string): string => read(name).toString("base64");
  const name = "nspod";
  const { node } = options;
  const user = node === undefined ? "nspod-admin" : `${nodeUserPrefix}${node}`;
  const server = options.server ?? read(serverAddressFile).toString().trim();
  const namespace = context.givenNamespace;
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      {
        name,
        cluster: {
          server,
          // The certificate has it, whatever address leads there.
          ...(options.server !== undefined && { "tls-server-name": "kubernetes" }),
          "certificate-authority-data": base64("ca.crt"),
        },
      },
    ],
    users: [
      {
        name: user,
        user:
          node === undefined
            ? {
                "client-certificate-data": base64("admin.crt"),
                "client-key-data": base64("admin.key"),
              }
            : await nodeUser(context.instance.root, node),
      },
    ],
    contexts: [{ name, context: { cluster: name, user, ...(namespace && { namespace }) } }],
    "current-context": name,
  };
  context.screen.print(stringify(config, { lineWidth: 0 }).trimEnd());
  return 0;
}

/** Made for this answer: nobody keeps the key. */
async function nodeUser(root: string, node: string): Promise<object> {
  const { issueNode } = await import("../../apiserver/pki.ts");
  const { certificate, key } = await issueNode(root, node, Date.now());
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  return { "client-certificate-data": base64(certificate), "client-key-data": base64(key) };
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
