import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ClaimCapacity } from "../../../src/agent/claim-capacity.ts";
import type { PodEngine } from "../../../src/pod/engine.ts";
import type { Pod } from "../../../src/spec/pod.ts";
import { localPathVolume, volumesFolder } from "../../../src/volume/local-path.ts";
import { claimOf, classOf } from "../volume/claims.ts";

const claims = suite("ClaimCapacity");
let root: string;
let told: string[];
let nowMs: number;
/** What measuring costs on the fake clock. */
let stepMs: number;

claims.before.each(() => {
  root = mkdtempSync(join(tmpdir(), "nspod-capacity-"));
  told = [];
  nowMs = 0;
  stepMs = 0;
});
claims.after.each(() => rmSync(root, { recursive: true }));

function capacityOf(path: string): ClaimCapacity {
  const claim = claimOf("data", { volumeName: "pvc-1" }, { uid: "1" });
  const node = { name: "n1", folder: volumesFolder(root) };
  const { metadata, spec } = localPathVolume(claim, classOf("fast"), node);
  const objects: Readonly<Record<string, unknown>> = {
    "PersistentVolumeClaim default/data": claim,
    "PersistentVolume /pvc-1": {
      metadata,
      spec: { ...spec, capacity: { storage: "1Mi" }, local: { path } },
    },
  };
  const context = {
    instance: { root },
    nodeName: "n1",
    objects: { get: (kind: string, ns: string, name: string) => objects[`${kind} ${ns}/${name}`] },
    clock: {
      monotonic: () => {
        nowMs += stepMs;
        return nowMs;
      },
    },
    report: ({ metadata }: Pod, { reason, message }: { reason: string; message: string }) => {
      told.push(`${metadata.name} ${reason}: ${message}`);
    },
  };
  return new ClaimCapacity(context as unknown as PodEngine["context"]);
}

function user(name: string, claimName: string, phase = "Running"): Pod {
  return {
    metadata: { name, namespace: "default", uid: name },
    spec: { containers: [], volumes: [{ name: "v", persistentVolumeClaim: { claimName } }] },
    status: { phase },
  } as unknown as Pod;
}

/** A volume's folder with a file of so many KiB. */
function filled(folder: string, kibibytes: number): string {
  mkdirSync(join(folder, "below"), { recursive: true });
  writeFileSync(join(folder, "below/file"), Buffer.alloc(kibibytes << 10, 1));
  return folder;
}

const sentence =
  'VolumeCapacityExceeded: PersistentVolumeClaim "data" holds more than its capacity "1Mi", which a folder does not enforce: remove data, or ask for more';

claims("tells every pod that uses a claim which holds too much, and keeps the data", async () => {
  const folder = filled(join(volumesFolder(root), "pvc-1"), 900);
  const capacity = capacityOf(folder);
  const pods = [user("a", "data"), user("b", "data"), user("c", "data", "Failed"), user("d", "no")];
  await capacity.look(pods);
  assert.equal(told, []);
  filled(folder, 1100);
  await capacity.look(pods);
  assert.equal(told, [`a ${sentence}`, `b ${sentence}`]);
});

claims("leaves folders alone that nspod did not make", async () => {
  await capacityOf(filled(join(root, "elsewhere"), 1100)).look([user("a", "data")]);
  assert.equal(told, []);
});

claims("gives a large volume a rest", async () => {
  const capacity = capacityOf(filled(join(volumesFolder(root), "pvc-1"), 1100));
  stepMs = 1000;
  await capacity.look([user("a", "data")]);
  assert.is(told.length, 1);
  await capacity.look([user("a", "data")]);
  assert.is(told.length, 1, "it was looked at a moment ago");
  nowMs += 100_000;
  await capacity.look([user("a", "data")]);
  assert.is(told.length, 2);
});

claims.run();
