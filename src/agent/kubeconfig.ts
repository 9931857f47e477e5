/**
 * Where the API server is and who we are, out of a kubeconfig file. Paths in it are relative to the file.
 * Source: Kubernetes, "Organizing Cluster Access Using kubeconfig Files"; API reference, client configuration v1.
 */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parse } from "yaml";
import { messageOf, PodError } from "../base/errors.ts";

export interface Access {
  /** E.g. `https://192.0.2.1:6443`. */
  readonly server: URL;
  /** PEM of who signs for the server; absent: whom the system trusts. */
  readonly authority?: string;
  /** The name in the server's certificate, when it is not that of the address. */
  readonly serverName?: string;
  /** PEM of the certificate that says who we are, and of its key. */
  readonly certificate?: string;
  readonly key?: string;
  readonly token?: string;
}

interface ClusterEntry {
  readonly server?: string;
  readonly "certificate-authority"?: string;
  readonly "certificate-authority-data"?: string;
  readonly "tls-server-name"?: string;
  readonly "insecure-skip-tls-verify"?: boolean;
}

interface UserEntry {
  readonly "client-certificate"?: string;
  readonly "client-certificate-data"?: string;
  readonly "client-key"?: string;
  readonly "client-key-data"?: string;
  readonly token?: string;
  readonly tokenFile?: string;
  readonly exec?: unknown;
}

interface Kubeconfig {
  readonly "current-context"?: string;
  readonly contexts?: readonly {
    readonly name?: string;
    readonly context?: { readonly cluster?: string; readonly user?: string };
  }[];
  readonly clusters?: readonly { readonly name?: string; readonly cluster?: ClusterEntry }[];
  readonly users?: readonly { readonly name?: string; readonly user?: UserEntry }[];
}

/** @throws PodError InvalidArgument when the file does not say what is needed. */
export function readKubeconfig(path: string): Access {
  try {
    const text = readFileSync(path, "utf8");
    const read = (file: string): string => readFileSync(resolve(dirname(path), file), "utf8");
    return accessOf(parse(text) as Kubeconfig, read);
  } catch (cause) {
    const message = `Cannot use kubeconfig "${path}": ${messageOf(cause)}`;
    throw new PodError("InvalidArgument", message, { cause });
  }
}

/** @param read - the text of a file that the configuration names. @throws Error that says what is missing. */
export function accessOf(config: Kubeconfig | null, read: (file: string) => string): Access {
  const name = config?.["current-context"];
  const context = config?.contexts?.find((each) => each.name === name)?.context;
  if (context === undefined) throw new Error(`there is no context "${name ?? ""}"`);
  const cluster = config?.clusters?.find((each) => each.name === context.cluster)?.cluster;
  if (cluster?.server === undefined) {
    throw new Error(`cluster "${context.cluster ?? ""}" has no server`);
  }
  if (cluster["insecure-skip-tls-verify"] === true) {
    throw new Error("a server that is not verified could make this machine run anything");
  }
  const user = config?.users?.find((each) => each.name === context.user)?.user ?? {};
  if (user.exec !== undefined) throw new Error("users that need a program are not supported");
  const text = (data: string | undefined, file: string | undefined): string | undefined => {
    if (data !== undefined) return Buffer.from(data, "base64").toString("utf8");
    return file === undefined ? undefined : read(file);
  };
  const authority = text(cluster["certificate-authority-data"], cluster["certificate-authority"]);
  const certificate = text(user["client-certificate-data"], user["client-certificate"]);
  const key = text(user["client-key-data"], user["client-key"]);
  const token = user.token ?? (user.tokenFile && read(user.tokenFile).trim());
  const serverName = cluster["tls-server-name"];
  return {
    server: new URL(cluster.server),
    ...(authority !== undefined && { authority }),
    ...(serverName !== undefined && { serverName }),
    ...(certificate !== undefined && key !== undefined && { certificate, key }),
    ...(token && { token }),
  };
}
