// The images of the benchmark: busybox as `make images` builds it, and a big one made of this machine's /usr.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "../support/run-command.ts";

export interface TestImage {
  /** Reference that all runtimes know it by. */
  readonly name: string;
  /** OCI archive with gzip layers. */
  readonly ociArchive: string;
  /** What `docker save` writes: docker before 25 reads nothing else. */
  readonly dockerArchive: string;
  /** Its packed layers, lowest first. */
  readonly layers: readonly string[];
  /** The same as they are in `dockerArchive`: plain tars. */
  readonly plainLayers: readonly string[];
  /** Its files, unpacked; "" for the big one. */
  readonly rootfs: string;
}

/** @throws Error with what the program said. */
async function must(file: string, args: readonly string[], env = {}): Promise<string> {
  const result = await runCommand(file, args, { timeoutMs: 300_000, env });
  if (result.code === 0) return result.stdout;
  throw new Error(`"${file} ${args.join(" ")}" ended with ${result.code}: ${result.stderr}`);
}

/** The small image, prepared in `folder`. */
export async function smallImage(archive: string, folder: string): Promise<TestImage> {
  mkdirSync(folder, { recursive: true });
  const image = await describeImage("docker.io/library/busybox:latest", archive, folder);
  const rootfs = join(folder, "rootfs");
  mkdirSync(rootfs);
  for (const layer of image.layers) await must("tar", ["-xzf", layer, "-C", rootfs]);
  return { ...image, rootfs };
}

/** 4 layers, about 20,000 files and 500 MB; kept in `cache` for the next run. */
export async function bigImage(cache: string, folder: string): Promise<TestImage> {
  const archive = join(cache, "big.tar");
  mkdirSync(folder, { recursive: true });
  const script = join(import.meta.dirname, "big-image.sh");
  await must("sh", [script, archive], { TMPDIR: folder });
  return await describeImage("localhost/nspod-bench-big:latest", archive, folder);
}

async function describeImage(name: string, ociArchive: string, folder: string): Promise<TestImage> {
  const layout = join(folder, "layout");
  const dockerArchive = join(folder, "docker.tar");
  mkdirSync(layout);
  await must("tar", ["-xf", ociArchive, "-C", layout]);
  // Without skopeo there is no docker archive, and the runtimes that need one name it.
  await must("skopeo", [
    "copy",
    "-q",
    `oci-archive:${ociArchive}`,
    `docker-archive:${dockerArchive}:${name}`,
  ]).catch(() => undefined);
  const read = async (digest: string): Promise<string> =>
    await must("cat", [blobOf(layout, digest)]);
  const index = JSON.parse(await must("cat", [join(layout, "index.json")])) as {
    readonly manifests: readonly { readonly digest: string }[];
  };
  const manifest = JSON.parse(await read(index.manifests[0]?.digest ?? "")) as {
    readonly layers: readonly { readonly digest: string }[];
  };
  const layers = manifest.layers.map(({ digest }) => blobOf(layout, digest));
  const plainLayers = layers.map((_, index) => join(folder, `layer-${index}.tar`));
  for (const [index, layer] of layers.entries()) {
    await must("sh", ["-c", 'gzip -dc "$0" > "$1"', layer, plainLayers[index] ?? ""]);
  }
  return { name, ociArchive, dockerArchive, layers, plainLayers, rootfs: "" };
}

function blobOf(layout: string, digest: string): string {
  return join(layout, "blobs", digest.replace(":", "/"));
}
