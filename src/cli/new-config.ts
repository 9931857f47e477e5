/** ConfigMaps and Secrets as `create` makes them. Pure: contents come in. Source: Kubernetes, "Secrets", "Types of Secret". */
import { configData, secretData } from "./data-sources.ts";
import type { NewObject } from "./new-object.ts";

export function newConfigMap(name: string, values: ReadonlyMap<string, Buffer>): NewObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, ...configData(values) };
}

/** @param type - undefined: the server's default, Opaque. */
export function newSecret(
  name: string,
  values: ReadonlyMap<string, Buffer>,
  type: string | undefined,
): NewObject {
  const data = secretData(values);
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name },
    ...(Object.keys(data).length > 0 && { data }),
    ...(type !== undefined && { type }),
  };
}

/** @param certificate - PEM, as `key`. */
export function newTlsSecret(name: string, certificate: Buffer, key: Buffer): NewObject {
  const values = new Map([
    ["tls.crt", certificate],
    ["tls.key", key],
  ]);
  return newSecret(name, values, "kubernetes.io/tls");
}

export interface RegistryLogin {
  readonly server: string;
  readonly username: string;
  readonly password: string;
  readonly email?: string | undefined;
}

/** What `docker login` would keep. */
export function newRegistrySecret(name: string, login: RegistryLogin): NewObject {
  const { server, username, password, email } = login;
  const auth = Buffer.from(`${username}:${password}`).toString("base64");
  const entry = { username, password, ...(email !== undefined && { email }), auth };
  const config = Buffer.from(JSON.stringify({ auths: { [server]: entry } }));
  return newSecret(
    name,
    new Map([[".dockerconfigjson", config]]),
    "kubernetes.io/dockerconfigjson",
  );
}
