import { chmodSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isPodError } from "../../../src/base/errors.ts";
import type { EmptyDirVolumeSource, Pod } from "../../../src/spec/pod.ts";
import { Program } from "../../../src/sys/program.ts";
import { emptyDirKind } from "../../../src/volume/empty-dir.ts";
import type { VolumeHost, VolumeRequest } from "../../../src/volume/volume-kind.ts";

const emptyDir = suite<{ folder: string }>("emptyDirKind");

const umask = process.umask(0o077);
emptyDir.after(() => void process.umask(umask));
emptyDir.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), "nspod-empty-dir-"));
});
emptyDir.after.each(({ folder }) => rmSync(folder, { recursive: true, force: true }));

const host = { nodeMemoryBytes: 8 << 20 } as VolumeHost;

function request(
  folder: string,
  source: EmptyDirVolumeSource,
  spec: Partial<Pod["spec"]> = {},
): VolumeRequest {
  const volume = { name: "v", emptyDir: source };
  const pod: Pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace: "default", uid: "1f" },
    spec: { containers: [{ name: "main", image: "busybox" }], volumes: [volume], ...spec },
  };
  return { pod, volume, origin: "spec.volumes[0].emptyDir", folder: join(folder, "v") };
}

/** What is mounted: type and options. */
function mounted(wanted: VolumeRequest): string[] {
  const program = new Program("sandbox");
  emptyDirKind.compile?.(program, host, wanted);
  return program.operations.map(({ operands }) =>
    [operands[2], operands[4]]
      .map((operand) =>
        typeof operand === "object" && operand.kind === "pool" ? operand.text : "",
      )
      .join(" ")
      .replaceAll('"', ""),
  );
}

function limits(list: Readonly<Record<string, string>>): Pod["spec"]["containers"][number] {
  return { name: "main", image: "busybox", resources: { limits: list, requests: list } };
}

emptyDir(
  "is open to all when it is made, and keeps what the pod makes of it",
  async ({ folder }) => {
    const wanted = request(folder, {});
    await emptyDirKind.prepare(host, wanted);
    assert.is(statSync(wanted.folder).mode & 0o7777, 0o777);
    chmodSync(wanted.folder, 0o711);
    await emptyDirKind.prepare(host, wanted);
    assert.is(statSync(wanted.folder).mode & 0o7777, 0o711);
    assert.equal(mounted(wanted), []);
  },
);

emptyDir("belongs to the group of fsGroup", async ({ folder }) => {
  const fsGroup = process.getgid?.() ?? 0;
  const wanted = request(folder, {}, { securityContext: { fsGroup } });
  await emptyDirKind.prepare(host, wanted);
  assert.is(statSync(wanted.folder).mode & 0o7777, 0o2777);
  assert.is(statSync(wanted.folder).gid, fsGroup);
});

emptyDir("in memory holds the least of its limit, the pod's and the node's", ({ folder }) => {
  const size = (source: EmptyDirVolumeSource, spec: Partial<Pod["spec"]> = {}): string[] =>
    mounted(request(folder, { medium: "Memory", ...source }, spec));
  assert.equal(size({}), ["tmpfs mode=0777,size=8388608"]);
  assert.equal(size({ sizeLimit: "1Mi" }), ["tmpfs mode=0777,size=1048576"]);
  assert.equal(size({ sizeLimit: "1Gi" }), ["tmpfs mode=0777,size=8388608"]);
  const limited = { containers: [limits({ memory: "2Mi" })], securityContext: { fsGroup: 7 } };
  assert.equal(size({ sizeLimit: "4Mi" }, limited), ["tmpfs mode=2777,gid=7,size=2097152"]);
});

emptyDir("of huge pages takes the size that it or the containers name", ({ folder }) => {
  const pages = { containers: [limits({ "hugepages-1Gi": "1Gi", memory: "1Mi" })] };
  assert.equal(mounted(request(folder, { medium: "HugePages-2Mi", sizeLimit: "4Mi" })), [
    "hugetlbfs pagesize=2048K,mode=0777,size=4194304",
  ]);
  assert.equal(mounted(request(folder, { medium: "HugePages" }, pages)), [
    "hugetlbfs pagesize=1048576K,mode=0777",
  ]);
  const several = { containers: [limits({ "hugepages-1Gi": "1Gi", "hugepages-2Mi": "2Mi" })] };
  for (const [spec, words] of [
    [{}, "needs containers with a limit for hugepages-<size>"],
    [several, "same huge page size"],
  ] as const) {
    try {
      mounted(request(folder, { medium: "HugePages" }, spec));
      assert.unreachable();
    } catch (error) {
      assert.ok(isPodError(error, "FailedPrecondition"), String(error));
      assert.match(error.message, words);
    }
  }
});

emptyDir("says that the node has no huge pages of a size", async ({ folder }) => {
  try {
    await emptyDirKind.prepare(host, request(folder, { medium: "HugePages-3Mi" }));
    assert.unreachable();
  } catch (error) {
    assert.ok(isPodError(error, "FailedPrecondition"), String(error));
    assert.match(error.message, "no huge pages of 3072 KiB");
  }
});

emptyDir.run();
