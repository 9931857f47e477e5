// The shim is played by this process: the programs run for real, in folders of the test's own.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Instance } from "../../../src/base/instance.ts";
import { fillConfigVolumes, refreshConfigVolumes } from "../../../src/pod/config-volumes.ts";
import type { EngineContext, PodEvent } from "../../../src/pod/context.ts";
import type { StepInput } from "../../../src/pod/engine.ts";
import { podFolders } from "../../../src/pod/folders.ts";
import { LivePod } from "../../../src/pod/live-pod.ts";
import type { PodRecord } from "../../../src/pod/record.ts";
import type { ShimClient } from "../../../src/shim/client.ts";
import type { Volume } from "../../../src/spec/pod.ts";
import { run } from "../../../src/sys/ffi.ts";
import type { Program } from "../../../src/sys/program.ts";
import { ServiceAccountTokens } from "../../../src/volume/service-account-tokens.ts";
import { pod, record } from "./fixtures.ts";

/** A pod with volumes, as far as filling them goes. */
class Node implements Disposable {
  readonly root: string = mkdtempSync(join(tmpdir(), "nspod-config-"));
  readonly objects = new Map<string, object>();
  readonly events: PodEvent[] = [];
  readonly live = new LivePod();
  readonly #volumes: readonly Volume[];
  nowMs = 1_000_000;
  /** Exchanges with the shim. */
  exchanges = 0;
  isShimBroken = false;
  record: PodRecord = record();

  constructor(...volumes: readonly Volume[]) {
    this.#volumes = volumes;
    for (const { name } of volumes) {
      mkdirSync(this.#folder(name), { recursive: true });
    }
  }

  get input(): StepInput {
    const { root, objects, events } = this;
    const tokens = this.#tokens;
    const context: Partial<EngineContext> = {
      instance: { root, run: root } as Instance,
      nodeName: "node",
      objects: {
        get: <T>(kind: string, _: string, name: string) => objects.get(`${kind}/${name}`) as T,
      },
      tokens,
      clock: { now: () => this.nowMs, monotonic: () => 0, after: () => () => undefined },
      report: (_pod, event) => void events.push(event),
    };
    const whole = pod();
    return {
      context: context as EngineContext,
      pod: { ...whole, spec: { ...whole.spec, volumes: this.#volumes } },
      live: this.live,
      record: this.record,
      save: (next: PodRecord) => {
        this.record = next;
        return next;
      },
    } as StepInput;
  }

  readonly #tokens = new ServiceAccountTokens(join(this.root, "key"));

  readonly shim = {
    run: (action: string, program: Program) => {
      this.exchanges++;
      if (this.isShimBroken) return Promise.reject(new Error("no memory"));
      return Promise.resolve(run(action, program));
    },
  } as unknown as ShimClient;

  async fill(): Promise<void> {
    const configVolumes = await fillConfigVolumes(this.input, this.shim);
    this.record = { ...this.record, ...(configVolumes && { configVolumes }) };
    this.live.shim = this.shim;
  }

  async refresh(): Promise<void> {
    await refreshConfigVolumes(this.input);
  }

  read(volume: string, path: string): string {
    return readFileSync(join(this.#folder(volume), path), "utf8");
  }

  #folder(name: string): string {
    const { uid } = pod().metadata;
    return join(podFolders({ root: this.root, run: this.root } as Instance, uid).volumes, name);
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true });
  }
}

const settings: Volume = { name: "v", configMap: { name: "settings" } };

const test = suite("config volumes");

test("are filled once, and followed when something may have changed", async () => {
  using node = new Node(settings);
  node.objects.set("ConfigMap/settings", { data: { a: "1" } });
  await node.fill();
  assert.is(node.read("v", "a"), "1");
  assert.is(node.exchanges, 1);
  await node.refresh();
  node.objects.set("ConfigMap/settings", { data: { a: "2" } });
  await node.refresh();
  assert.is(node.exchanges, 1, "nobody said that something has changed");
  node.live.isContentStale = true;
  await node.refresh();
  assert.is(node.read("v", "a"), "2");
  assert.is(node.exchanges, 2);
  node.live.isContentStale = true;
  await node.refresh();
  assert.is(node.exchanges, 2, "the same content is not written again");
});

test("a new daemon compares with what the record says", async () => {
  using node = new Node(settings);
  node.objects.set("ConfigMap/settings", { data: { a: "1" } });
  await node.fill();
  node.live.isContentStale = true;
  await node.refresh();
  assert.is(node.exchanges, 1);
  // One that was killed in the middle left a record that is not certain.
  const { configVolumes = {} } = node.record;
  const { v = { digest: "", folders: [], paths: [] } } = configVolumes;
  node.record = { ...node.record, configVolumes: { v: { ...v, digest: "" } } };
  node.live.isContentStale = true;
  await node.refresh();
  assert.is(node.exchanges, 2);
  assert.is(node.record.configVolumes?.["v"]?.folders.length, 1);
});

test("keep their content when the object goes, and say so", async () => {
  using node = new Node(settings);
  node.objects.set("ConfigMap/settings", { data: { a: "1" } });
  await node.fill();
  node.objects.clear();
  node.live.isContentStale = true;
  await node.refresh();
  assert.is(node.read("v", "a"), "1");
  assert.equal(node.events, [
    {
      type: "Warning",
      reason: "FailedMount",
      message: 'MountVolume.SetUp failed for volume "v" : configmap "settings" not found',
    },
  ]);
});

test("a replacement that failed is tried again later", async () => {
  using node = new Node(settings);
  node.objects.set("ConfigMap/settings", { data: { a: "1" } });
  await node.fill();
  node.objects.set("ConfigMap/settings", { data: { a: "2" } });
  node.live.isContentStale = true;
  node.isShimBroken = true;
  await node.refresh();
  assert.match(
    node.events[0]?.message ?? "",
    /^MountVolume.SetUp failed for volume "v" : no memory/,
  );
  assert.is(node.record.configVolumes?.["v"]?.digest, "");
  node.isShimBroken = false;
  await node.refresh();
  assert.is(node.read("v", "a"), "1", "not before its time");
  assert.is(node.live.refreshAtMs, node.nowMs + 10_000);
  node.nowMs += 10_000;
  await node.refresh();
  assert.is(node.read("v", "a"), "2");
  assert.is(node.live.refreshAtMs, undefined);
});

test("a token is replaced when four fifths of its life are over", async () => {
  const sources = [{ serviceAccountToken: { path: "token", expirationSeconds: 600 } }];
  using node = new Node({ name: "v", projected: { sources } });
  node.objects.set("ServiceAccount/default", { metadata: { uid: "sa" } });
  await node.fill();
  const first = node.read("v", "token");
  assert.is(node.live.refreshAtMs, node.nowMs + 480_000);
  node.nowMs += 479_999;
  await node.refresh();
  assert.is(node.read("v", "token"), first);
  node.nowMs += 1;
  await node.refresh();
  assert.is.not(node.read("v", "token"), first);
  assert.is(node.live.refreshAtMs, node.nowMs + 480_000);
});

test("all that is missing in one projected volume is told at once", async () => {
  const sources = [
    { configMap: { name: "a" } },
    { secret: { name: "b", optional: true } },
    { secret: { name: "c" } },
    { serviceAccountToken: { path: "token" } },
  ];
  using node = new Node({ name: "v", projected: { sources } });
  try {
    await node.fill();
    assert.unreachable("the volume was filled");
  } catch (error) {
    assert.is(
      error instanceof Error && error.message,
      '[configmap "a" not found, secret "c" not found, failed to fetch token: serviceaccounts "default" not found]',
    );
  }
});

test("a pod without such volumes costs nothing", async () => {
  using node = new Node({ name: "v", emptyDir: {} });
  await node.fill();
  node.live.isContentStale = true;
  await node.refresh();
  assert.is(node.exchanges, 0);
  assert.is(node.record.configVolumes, undefined);
});

test.run();
