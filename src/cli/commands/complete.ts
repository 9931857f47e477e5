/**
 * Names for shell completion. Never starts a daemon, never prints an error: a Tab key must not
 * have effects.
 */
import { apiSocketPath } from "../../base/instance.ts";
import type { StoredImage } from "../../image/store-types.ts";
import type { List } from "../../spec/list.ts";
import type { Pod } from "../../spec/pod.ts";
import { ApiClient } from "../api-client.ts";
import { type Context, podsPath } from "../context.ts";

export async function printCandidates(context: Context, what: string): Promise<number> {
  const client = new ApiClient({ socketPath: apiSocketPath(context.instance) });
  try {
    for (const name of await candidates(client, context, what)) context.screen.print(name);
  } catch {
    // No daemon, no root: there is nothing to offer.
  } finally {
    client.close();
  }
  return 0;
}

async function candidates(
  client: ApiClient,
  context: Context,
  what: string,
): Promise<readonly string[]> {
  switch (what) {
    case "pods": {
      const pods = await client.json<List<Pod>>("GET", podsPath(context.namespace));
      return pods.items.map(({ metadata }) => metadata.name);
    }
    case "images": {
      const { images } = await client.json<{ readonly images: readonly StoredImage[] }>(
        "GET",
        "/nspod/v1/images",
      );
      return images.flatMap(({ names }) => names);
    }
    default:
      return [];
  }
}
