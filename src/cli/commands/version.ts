/** `nspod version`: of the command line, and of the daemon when one runs; none is started for it. */
import { apiSocketPath } from "../../base/instance.ts";
import { version } from "../../daemon/version.ts";
import { ApiClient } from "../api-client.ts";
import type { Context } from "../context.ts";
import { printValue } from "../object-output.ts";

interface ServerVersion {
  readonly gitVersion?: string;
  readonly [fact: string]: unknown;
}

export async function showVersion(
  { screen, instance }: Context,
  options: { readonly client?: boolean; readonly output?: "json" | "yaml" },
): Promise<number> {
  const server = options.client ? undefined : await serverVersion(apiSocketPath(instance));
  const node = process.version;
  if (options.output !== undefined) {
    const facts = { client: { version, node }, ...(server && { server }) };
    await printValue(screen, facts, options.output);
    return 0;
  }
  screen.print(`Client Version: v${version} (Node.js ${node})`);
  if (server !== undefined) screen.print(`Server Version: ${server.gitVersion ?? "unknown"}`);
  return 0;
}

async function serverVersion(socketPath: string): Promise<ServerVersion | undefined> {
  const client = new ApiClient({ socketPath });
  try {
    return await client.json<ServerVersion>("GET", "/version");
  } catch {
    // No daemon, or not ours to ask: the client's version is the answer that is left.
    return undefined;
  }
}
