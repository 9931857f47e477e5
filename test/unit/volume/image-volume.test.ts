import { mkdtempSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isPodError } from "../../../src/base/errors.ts";
import { Program } from "../../../src/sys/program.ts";
import { imageVolumeKind } from "../../../src/volume/image-volume.ts";
import type { MapLayers, VolumeHost, VolumeRequest } from "../../../src/volume/volume-kind.ts";
import { podWith } from "./claims.ts";

const images = suite<{ request: VolumeRequest }>("imageVolumeKind");

images.before.each((context) => {
  const folder = mkdtempSync(join(tmpdir(), "nspod-image-volume-"));
  const volume = { name: "v", image: { reference: "files:1" } };
  context.request = { pod: podWith("p"), volume, origin: "o", folder: join(folder, "v") };
});
images.after.each(({ request }) => rmSync(join(request.folder, ".."), { recursive: true }));

function hostWith(id: string | undefined, layers: readonly string[] = []): VolumeHost {
  const found = id === undefined ? undefined : { id };
  return { images: { find: () => found, layerFolders: () => layers } } as unknown as VolumeHost;
}

function options(host: VolumeHost, request: VolumeRequest): string {
  const program = new Program("sandbox");
  imageVolumeKind.compile?.(program, host, request);
  const mount = program.operations.find(({ name }) => name === "mount");
  const operand = mount?.operands[4];
  return typeof operand === "object" && operand.kind === "pool" ? operand.text : "";
}

images("pins the layers of the image, upmost first in the mount", async ({ request }) => {
  const host = hostWith("sha256:1", ["/layers/a", "/layers/b"]);
  const prepared = await imageVolumeKind.prepare(host, request);
  assert.is(prepared.imageId, "sha256:1");
  assert.ok(prepared.readOnly && prepared.noexec && prepared.nosuidNodev);
  const layers = `${request.folder}.layers`;
  assert.equal(readdirSync(layers).sort(), ["0", "1", "image", "none"]);
  assert.is(readlinkSync(join(layers, "0")), "/layers/a");
  assert.match(options(host, request), '"lowerdir=1:0:none,');
});

images("keeps the image that it had, whatever the name means later", async ({ request }) => {
  await imageVolumeKind.prepare(hostWith("sha256:1", ["/a"]), request);
  const moved = hostWith("sha256:2", ["/b", "/c"]);
  assert.is((await imageVolumeKind.prepare(moved, request)).imageId, "sha256:1");
  assert.match(options(moved, request), '"lowerdir=0:none,');
  assert.is((await imageVolumeKind.prepare(hostWith(undefined), request)).imageId, "sha256:1");
});

images("is mounted while its layers show the ids of the pod's own users", async ({ request }) => {
  await imageVolumeKind.prepare(hostWith("sha256:1", ["/layers/a", "/layers/b"]), request);
  const program = new Program("sandbox");
  const mapped: string[] = [];
  const mapLayers: MapLayers = (_program, folders, mountThem) => {
    assert.equal(program.operations, []);
    mapped.push(...folders);
    mountThem();
  };
  imageVolumeKind.compile?.(program, hostWith(undefined), { ...request, mapLayers });
  assert.equal(mapped, ["/layers/a", "/layers/b"]);
  assert.ok(program.operations.some(({ name }) => name === "mount"));
});

images("can be listed before it is made", ({ request }) => {
  assert.match(options(hostWith("sha256:1", ["/a", "/b", "/c"]), request), '"lowerdir=2:1:0:none,');
});

images("says that the image is not here", async ({ request }) => {
  try {
    await imageVolumeKind.prepare(hostWith(undefined), request);
    assert.unreachable();
  } catch (error) {
    assert.ok(isPodError(error, "NotFound"), String(error));
    assert.match(error.message, 'image "files:1" is not present on this node');
  }
});

images.run();
