/** What every command gets: where to print, which instance and namespace, a client of the daemon. */
import { apiSocketPath, type Instance } from "../base/instance.ts";
import { ApiClient } from "./api-client.ts";
import type { Screen } from "./screen.ts";

export class Context {
  readonly screen: Screen;
  readonly instance: Instance;
  /** `-n`, else undefined: "default" for commands that name objects. */
  readonly givenNamespace: string | undefined;
  #client: ApiClient | undefined;

  constructor(options: {
    readonly screen: Screen;
    readonly instance: Instance;
    readonly givenNamespace: string | undefined;
  }) {
    this.screen = options.screen;
    this.instance = options.instance;
    this.givenNamespace = options.givenNamespace;
  }

  get namespace(): string {
    return this.givenNamespace ?? "default";
  }

  /** A client that starts the daemon when nobody listens. */
  get client(): ApiClient {
    this.#client ??= new ApiClient({
      socketPath: apiSocketPath(this.instance),
      start: async () => {
        const { startDaemon } = await import("./daemon-process.ts");
        await startDaemon(this.instance);
      },
      onWarning: (warning) => this.screen.remark(`Warning: ${warning}`),
    });
    return this.#client;
  }
}

/** The path of a pod, or of the pods of a namespace, or of all pods. */
export function podsPath(namespace: string | undefined, name?: string, action?: string): string {
  const parts = [
    "/api/v1",
    ...(namespace === undefined ? [] : ["namespaces", encodeURIComponent(namespace)]),
    "pods",
    ...(name === undefined ? [] : [encodeURIComponent(name)]),
    ...(action === undefined ? [] : [action]),
  ];
  return parts.join("/");
}
