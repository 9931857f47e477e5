/** `nspod system census`: what the instance owns on this machine, and what has no owner. */
import type { SystemInfo } from "../../apiserver/backend.ts";
import type { Digest } from "../../base/ids.ts";
import { decodeManifest, documentLimits, parseJson } from "../../image/decode-documents.ts";
import { blobPath, layoutPaths } from "../../image/layout.ts";
import { familiarName } from "../../image/reference.ts";
import type { StoredImage } from "../../image/store-types.ts";
import type { PersistentVolume } from "../../spec/kubernetes.gen.ts";
import type { List } from "../../spec/list.ts";
import type { Pod } from "../../spec/pod.ts";
import { judgeFindings, type KnownImage, type KnownOwners, type OwnedThing } from "../census.ts";
import type { Context } from "../context.ts";
import { contentOf, findOwned } from "../find-owned.ts";
import { printValue } from "../object-output.ts";
import { formatTable } from "../table.ts";

/** Ends with 1 when something has no owner. */
export async function showCensus(
  context: Context,
  { output }: { readonly output?: "json" | "yaml" },
): Promise<number> {
  const things = await takeCensus(context);
  const strays = things.filter(({ owner }) => owner === undefined);
  if (output === undefined) {
    const rows = things.map(({ kind, name, owner = "<none>" }) => [kind, owner, name]);
    context.screen.print(formatTable([["KIND", "OWNER", "NAME"], ...rows]));
    context.screen.print(`\n${things.length} things, ${strays.length} without an owner`);
  } else {
    await printValue(context.screen, { items: things, withoutOwner: strays.length }, output);
  }
  return strays.length === 0 ? 0 : 1;
}

/**
 * Found first and asked for afterwards: what comes meanwhile has an owner. What goes meanwhile may have none, so a
 * thing has none only when a second look says the same.
 */
async function takeCensus(context: Context): Promise<OwnedThing[]> {
  const first = await lookOnce(context);
  const strays = new Set(first.filter(({ owner }) => owner === undefined).map(textOf));
  if (strays.size === 0) return first;
  const second = await lookOnce(context);
  return second.filter((thing) => thing.owner !== undefined || strays.has(textOf(thing)));
}

function textOf({ kind, name }: OwnedThing): string {
  return `${kind} ${name}`;
}

async function lookOnce(context: Context): Promise<OwnedThing[]> {
  const { client, instance } = context;
  const path = "/nspod/v1/system/info";
  const { pid } = await client.json<Pick<SystemInfo, "pid">>("GET", path);
  const findings = findOwned(instance, pid);
  const { links } = await client.json<Pick<SystemInfo, "links">>("GET", path);
  return judgeFindings(findings, await knownOwners(context, links));
}

async function knownOwners(
  { client, instance }: Context,
  links: SystemInfo["links"],
): Promise<KnownOwners> {
  const { items: pods } = await client.json<List<Pod>>("GET", "/api/v1/pods");
  const { items: volumes } = await client.json<List<PersistentVolume>>(
    "GET",
    "/api/v1/persistentvolumes",
  );
  const { images } = await client.json<{ readonly images: readonly StoredImage[] }>(
    "GET",
    "/nspod/v1/images",
  );
  return {
    pods: new Map(
      pods.map(({ metadata }) => [metadata.uid, `${metadata.namespace}/${metadata.name}`]),
    ),
    links: new Map(Object.entries(links)),
    volumes: new Set(volumes.map(({ metadata }) => metadata.name)),
    images: images.map((image) => knownImage(instance.root, image)),
  };
}

function knownImage(root: string, { id, manifest, names, layers }: StoredImage): KnownImage {
  const path = blobPath(layoutPaths(root), manifest);
  const bytes = contentOf(path);
  const packed: readonly Digest[] =
    bytes === undefined
      ? []
      : decodeManifest(
          parseJson(bytes, `"${path}"`, documentLimits.manifest),
          `"${path}"`,
        ).layers.map(({ digest }) => digest);
  const [name] = names;
  return {
    name: name === undefined ? id.slice(0, 19) : familiarName(name),
    digests: [manifest, id, ...packed],
    layers,
  };
}
