/**
 * Writes images as an OCI archive, or the same with the files that `docker load` looks for. The
 * packed layers go out as they came in, so digests stay the same.
 *
 * Source: OCI image-spec image-layout.md; moby image/tarexport/save.go since Docker 25.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { pack } from "tar-stream";
import type { Digest } from "../base/ids.ts";
import { blobPath, damagedBlob, hexOf, type LayoutPaths } from "./layout.ts";
import { annotations, type Descriptor, type ImageManifest, mediaTypes } from "./oci-types.ts";
import { familiarName } from "./reference.ts";

export interface SavedImage {
  readonly descriptor: Descriptor;
  readonly manifest: ImageManifest;
  /** Full names. */
  readonly names: readonly string[];
}

/** A tar stream; an error of a blob that cannot be read ends it. */
export function saveImages(
  paths: LayoutPaths,
  images: readonly SavedImage[],
  format: "oci" | "docker",
): Readable {
  const tar = pack();
  void writeArchive(tar, paths, images, format).catch((error: unknown) => {
    tar.destroy(error instanceof Error ? error : new Error(String(error)));
  });
  // streamx streams are iterable; their own types do not say what comes out.
  const out = Readable.from(tar as unknown as AsyncIterable<Buffer>, { objectMode: false });
  return out;
}

type Pack = ReturnType<typeof pack>;

async function writeArchive(
  tar: Pack,
  paths: LayoutPaths,
  images: readonly SavedImage[],
  format: "oci" | "docker",
): Promise<void> {
  await addDocument(tar, "oci-layout", { imageLayoutVersion: "1.0.0" });
  await addDocument(tar, "index.json", {
    schemaVersion: 2,
    mediaType: mediaTypes.index[0],
    manifests: images.flatMap(descriptors),
  });
  if (format === "docker") {
    await addDocument(tar, "manifest.json", images.map(dockerItem));
    await addDocument(tar, "repositories", repositories(images));
  }
  const written = new Set<Digest>();
  for (const { descriptor, manifest } of images) {
    for (const blob of [descriptor, manifest.config, ...manifest.layers]) {
      if (written.has(blob.digest)) continue;
      written.add(blob.digest);
      await addBlob(tar, blobPath(paths, blob.digest), blob);
    }
  }
  tar.finalize();
}

function descriptors({ descriptor, names }: SavedImage): Descriptor[] {
  if (names.length === 0) return [descriptor];
  return names.map((name) => ({
    ...descriptor,
    annotations: { [annotations.imageName]: name, [annotations.refName]: name },
  }));
}

function dockerItem({ manifest, names }: SavedImage): object {
  return {
    Config: `blobs/sha256/${hexOf(manifest.config.digest)}`,
    RepoTags: names.map(familiarName),
    Layers: manifest.layers.map(({ digest }) => `blobs/sha256/${hexOf(digest)}`),
  };
}

/** Name → tag → ID of the top layer: what the oldest readers want. */
function repositories(images: readonly SavedImage[]): Record<string, Record<string, string>> {
  const found = new Map<string, Map<string, string>>();
  for (const { manifest, names } of images) {
    const top = hexOf(manifest.layers.at(-1)?.digest ?? manifest.config.digest);
    for (const name of names.map(familiarName)) {
      const colon = name.lastIndexOf(":");
      const tags = found.get(name.slice(0, colon)) ?? new Map<string, string>();
      tags.set(name.slice(colon + 1), top);
      found.set(name.slice(0, colon), tags);
    }
  }
  return Object.fromEntries([...found].map(([name, tags]) => [name, Object.fromEntries(tags)]));
}

const header = { mode: 0o644, uid: 0, gid: 0, mtime: new Date(0), type: "file" } as const;

async function addDocument(tar: Pack, name: string, document: unknown): Promise<void> {
  const bytes = Buffer.from(JSON.stringify(document));
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  tar.entry({ ...header, name, size: bytes.length }, bytes, (error) =>
    error ? reject(error) : resolve(),
  );
  await promise;
}

/** @throws PodError FailedPrecondition when the file is not what it was when it was loaded. */
async function addBlob(tar: Pack, path: string, { digest, size }: Descriptor): Promise<void> {
  const name = `blobs/sha256/${hexOf(digest)}`;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const entry = tar.entry({ ...header, name, size }, (error) =>
    error ? reject(error) : resolve(),
  );
  // Its failure reaches us through the callback.
  promise.catch(() => undefined);
  // And as an event, which would end the daemon: that the archive is destroyed is no news to us.
  entry.on("error", () => undefined);
  const hash = createHash("sha256");
  // One that has grown is no reason to write more than was announced.
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20, end: size })) {
    hash.update(chunk);
    if (!entry.write(chunk)) {
      await new Promise<void>((resume) => entry.once("drain", () => resume()));
    }
  }
  if (`sha256:${hash.digest("hex")}` !== digest) throw damagedBlob(digest);
  entry.end(undefined);
  await promise;
}
