// Which images an archive has, from its documents alone.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { messageOf } from "../../../src/base/errors.ts";
import type { PlannedImage } from "../../../src/image/messages.ts";
import { planImages } from "../../../src/image/plan-images.ts";
import { StagedMembers } from "../../../src/image/staged-members.ts";
import {
  blobName,
  type Descriptor,
  describe,
  dockerMembers,
  json,
  ociImage,
  ociMembers,
  sha256,
  tar,
} from "../../support/image-archive.ts";

const plan = suite("planImages()");
const home = process.cwd();
let folder = "";
let warnings: string[] = [];

plan.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), "nspod-plan-"));
  warnings = [];
});

plan.after.each(() => {
  process.chdir(home);
  rmSync(folder, { recursive: true, force: true });
});

type Members = Iterable<readonly [string, Buffer]>;

function planOf(
  members: Members,
  host = { os: "linux", architecture: "amd64" },
): readonly PlannedImage[] {
  // The members are numbered files in the working directory.
  process.chdir(mkdtempSync(join(folder, "members-")));
  const staged = new StagedMembers(new Map());
  for (const [name, content] of members) {
    const writer = staged.begin(name, content.length);
    writer.write(content);
    writer.end();
  }
  return planImages(staged, { stem: "app", host, warn: (sentence) => warnings.push(sentence) });
}

function refusal(members: Members): string {
  try {
    planOf(members);
    return "accepted";
  } catch (error) {
    return messageOf(error);
  }
}

const layer = { tar: tar([{ name: "f", content: "f" }]) };
const { descriptor, blobs } = ociImage({ layers: [layer], architecture: "amd64" });
const members = (index: unknown, more: readonly Buffer[] = []): Map<string, Buffer> =>
  new Map([
    ["index.json", json(index)],
    ...[...blobs, ...more].map((blob) => [blobName(blob), blob] as const),
  ]);
const indexType = "application/vnd.oci.image.index.v1+json";

plan("reads names in all their forms", () => {
  const named = (annotations: Record<string, string>): readonly string[] =>
    planOf(members({ manifests: [{ ...descriptor, annotations }] }))[0]?.names ?? [];
  const ref = "org.opencontainers.image.ref.name";
  assert.equal(named({ [ref]: "busybox:1" }), ["docker.io/library/busybox:1"]);
  assert.equal(named({ [ref]: "busybox" }), ["docker.io/library/busybox:latest"]);
  assert.equal(named({ [ref]: "1", "io.containerd.image.name": "quay.io/a/b:1" }), [
    "quay.io/a/b:1",
  ]);
  assert.equal(named({ [ref]: "latest" }), ["docker.io/library/app:latest"]);
  assert.equal(named({ [ref]: "v1.2" }), ["docker.io/library/app:v1.2"]);
  assert.equal(named({}), []);
  assert.equal(named({ [ref]: "not a name" }), []);
  assert.match(warnings.join(), /"not a name": .*: the image is loaded without this name/);
});

plan("takes the manifest of the host's platform, also from nested indexes", () => {
  const arm = ociImage({ layers: [layer], architecture: "arm64", config: { author: "arm" } });
  const v3 = ociImage({ layers: [layer], architecture: "amd64", config: { author: "v3" } });
  const inner = json({
    manifests: [
      { ...arm.descriptor, platform: { os: "linux", architecture: "arm64", variant: "v8" } },
      { ...v3.descriptor, platform: { os: "linux", architecture: "amd64", variant: "v3" } },
      { ...descriptor, platform: { os: "linux", architecture: "amd64" } },
      {
        ...describe(Buffer.from("attestation"), "application/vnd.oci.image.manifest.v1+json"),
        annotations: { "vnd.docker.reference.type": "attestation-manifest" },
        platform: { os: "unknown", architecture: "unknown" },
      },
    ],
  });
  const outer = json({ manifests: [describe(inner, indexType)] });
  const all = members({ manifests: [describe(outer, indexType)] }, [
    inner,
    outer,
    ...arm.blobs,
    ...v3.blobs,
  ]);
  const chosen = (host: {
    os: string;
    architecture: string;
    variant?: string;
  }): string | undefined => planOf(all, host)[0]?.manifest.digest;
  assert.is(chosen({ os: "linux", architecture: "amd64" }), descriptor.digest);
  assert.is(chosen({ os: "linux", architecture: "amd64", variant: "v4" }), v3.descriptor.digest);
  assert.is(chosen({ os: "linux", architecture: "arm64" }), arm.descriptor.digest);
  assert.throws(
    () => chosen({ os: "linux", architecture: "riscv64" }),
    /it has no image for linux\/riscv64: it has linux\/arm64\/v8, linux\/amd64\/v3, linux\/amd64/,
  );
});

plan("asks the config when the index names no platform", () => {
  const arm = ociImage({ layers: [layer], architecture: "arm64" });
  const inner = json({ manifests: [arm.descriptor, descriptor] });
  const images = planOf(
    members({ manifests: [describe(inner, indexType)] }, [inner, ...arm.blobs]),
  );
  assert.equal(
    images.map(({ manifest }) => manifest.digest),
    [descriptor.digest],
  );
});

plan("keeps several images of one archive apart and joins the names of one", () => {
  const other = { layers: [layer], config: { author: "other" } };
  const images = planOf(
    ociMembers([
      { name: "a:1", layers: [layer] },
      { name: "b:1", ...other },
      { name: "c:1", ...other },
    ]),
  );
  assert.equal(
    images.map(({ names }) => names),
    [["docker.io/library/a:1"], ["docker.io/library/b:1", "docker.io/library/c:1"]],
  );
});

plan("reads docker-archives, always to the same manifest", () => {
  const archive = dockerMembers([{ name: "nspod/demo:1", layers: [layer] }]);
  const [first] = planOf(archive);
  assert.equal(first?.names, ["docker.io/nspod/demo:1"]);
  assert.equal(first?.layers[0], {
    digest: sha256(layer.tar),
    size: layer.tar.length,
    diffId: sha256(layer.tar),
    compression: "none",
  });
  assert.equal(planOf([...archive].reverse())[0], first);
});

plan("prefers index.json where both are, and takes RepoTags as well", () => {
  const config = blobs[1];
  if (config === undefined) throw new Error("no config");
  const both = members({ manifests: [descriptor] }).set(
    "manifest.json",
    json([{ Config: blobName(config), RepoTags: ["extra:1", "<none>:<none>"], Layers: [] }]),
  );
  const [image] = planOf(both);
  assert.equal(
    [image?.manifest.digest, image?.names],
    [descriptor.digest, ["docker.io/library/extra:1"]],
  );
});

plan("refuses documents that lie", () => {
  const withDescriptor = (change: object): string =>
    refusal(members({ manifests: [{ ...descriptor, ...change }] }));
  for (const digest of [
    "sha256:../../x",
    `sha256:${"A".repeat(64)}`,
    "sha256:abc",
    "sha512:abc",
    "",
    null,
    7,
  ]) {
    assert.match(withDescriptor({ digest }), /must be "sha256:" and 64 lower-case hex digits/);
  }
  assert.match(withDescriptor({ size: 1 }), /has \d+ bytes instead of 1/);
  assert.match(withDescriptor({ size: -1 }), /size must be a number/);
  assert.match(withDescriptor({ mediaType: "application/x" }), /"application\/x" is not supported/);
  assert.match(
    withDescriptor({ digest: sha256(Buffer.from("no")) }),
    /is missing from the archive/,
  );
  assert.match(
    refusal(members({ manifests: [descriptor], layers: [] })),
    /an index and a manifest at once/,
  );
  assert.match(refusal(members({ manifests: [] })), /contains no image/);
  assert.match(refusal(members([])), /must be an object/);
  assert.match(refusal([["index.json", Buffer.from("{")]]), /^index.json: it is not valid JSON$/);
  assert.match(refusal([["index.json", Buffer.from([0x22, 0xff, 0x22])]]), /not valid JSON/);
  assert.match(refusal([]), /neither an OCI archive .* nor a Docker archive/);
  assert.match(refusal([["repositories", json({})]]), /Docker before 1.10/);
  let deep = json({ manifests: [descriptor] });
  const nested: Buffer[] = [];
  let top: Descriptor = describe(deep, indexType);
  for (let i = 0; i < 10; i++) {
    nested.push(deep);
    top = describe(deep, indexType);
    deep = json({ manifests: [top] });
  }
  assert.match(refusal(members({ manifests: [top] }, nested)), /nested more than 8 deep/);
});

plan("refuses manifests and configs that do not fit", () => {
  const erofs = ociMembers([
    { layers: [{ ...layer, mediaType: "application/vnd.erofs.layer.v1" }] },
  ]);
  assert.match(
    refusal(erofs),
    /layers\[0\]: mediaType "application\/vnd.erofs.layer.v1" is not supported/,
  );
  const xz = Buffer.concat([Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]), Buffer.alloc(20)]);
  assert.match(
    refusal(ociMembers([{ layers: [{ ...layer, packed: xz }] }])),
    /layer sha256:.*: it is compressed with xz/,
  );
  assert.match(
    refusal(ociMembers([{ layers: [layer], config: { config: { Env: "A=b" } } }])),
    /config\.Env: must be a list/,
  );
  assert.match(
    refusal(ociMembers([{ layers: [{ ...layer, diffId: "sha256:x" }] }])),
    /diff_ids\[0\]: must be/,
  );
});

plan("never follows a member out of the archive", () => {
  const archive = dockerMembers([{ layers: [layer] }]);
  const [item] = JSON.parse(String(archive.get("manifest.json"))) as Record<string, unknown>[];
  const edited = (change: object): string =>
    refusal(new Map(archive).set("manifest.json", json([{ ...item, ...change }])));
  for (const path of ["../../../../etc/passwd", "/etc/passwd", "", "."]) {
    assert.match(
      edited({ Config: path }),
      /manifest.json\[0\]\.Config: .* is missing from the archive/,
    );
    assert.match(edited({ Layers: [path] }), /Layers\[0\]: .* is missing from the archive/);
  }
  assert.match(edited({ Layers: [] }), /it has 0 layers, its config 1 diff_ids/);
  assert.match(edited({ Layers: "x" }), /must be a list/);
});

plan.run();
