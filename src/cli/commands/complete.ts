/**
 * Names for shell completion. Never starts a daemon, never prints an error: a Tab key must not
 * have effects.
 */
import { apiSocketPath } from "../../base/instance.ts";
import type { StoredImage } from "../../image/store-types.ts";
import { type KubernetesObject, resourceOfWord, resources } from "../../spec/resources.ts";
import { ApiClient } from "../api-client.ts";
import { type CompletionLine, completionLine } from "../completion-line.ts";
import type { Context } from "../context.ts";
import { listObjects } from "../objects.ts";

/** @param words - the line so far, the word at the cursor last. */
export async function printCandidates(
  context: Context,
  what: string,
  words: readonly string[],
): Promise<number> {
  const client = new ApiClient({ socketPath: apiSocketPath(context.instance) });
  try {
    for (const name of await candidates(client, context, what, completionLine(words))) {
      context.screen.print(name);
    }
  } catch {
    // No daemon, no root: there is nothing to offer.
  }
  return 0;
}

async function candidates(
  client: ApiClient,
  context: Context,
  what: string,
  line: CompletionLine,
): Promise<readonly string[]> {
  switch (what) {
    case "objects":
      if (line.type === undefined) return resources.map(({ plural }) => plural);
      return await names(client, context, line.type, line);
    case "pods":
      return await names(client, context, "pods", line);
    case "images": {
      const { images } = await client.json<{ readonly images: readonly StoredImage[] }>(
        "GET",
        "/nspod/v1/images",
      );
      return images.flatMap((image) => image.names);
    }
    default:
      return [];
  }
}

async function names(
  client: ApiClient,
  context: Context,
  type: string,
  line: CompletionLine,
): Promise<readonly string[]> {
  const resource = resourceOfWord(type);
  if (resource === undefined) return [];
  const namespace = resource.isNamespaced ? (line.namespace ?? context.namespace) : "";
  const { items } = await listObjects<KubernetesObject>(client, { resource, namespace });
  return items
    .map(({ metadata }) => (line.isSlashed ? `${type}/${metadata.name}` : metadata.name))
    .filter((name) => !line.taken.includes(name));
}
