// Promise: `nspod system reset` leaves the machine as it was before nspod, whatever runs, and may be
// repeated; `nspod system prune` removes what has ended and nothing else.
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { eventually } from "../support/eventually.ts";
import { type Instance, NSPOD, testImage } from "../support/instance.ts";
import { type Census, compareCensus, takeCensus } from "../support/leak-check.ts";
import { LiveCommand } from "../support/live-command.ts";
import { Pods, shell, sleeper } from "../support/pods.ts";
import { pidsWith } from "../support/processes.ts";
import { cgroup2MountPoint, requires } from "../support/requires.ts";
import { runCommand } from "../support/run-command.ts";
import { withDeadline } from "../support/with-deadline.ts";

requires("root", "tool:nft", "tool:ip");

const reset = suite("system reset and prune");
let pods: Pods;
let instance: Instance;
let before: Census;

/** A test with an instance of its own. (What a hook throws, uvu would hide.) */
function check(name: string, body: () => Promise<void>): void {
  reset(
    name,
    withDeadline(100_000, async () => {
      pods = await Pods.start();
      instance = pods.instance;
      before = await takeCensus(instance);
      try {
        await instance.must(["image", "load", testImage("busybox")]);
        await body();
      } finally {
        await pods.close();
      }
    }),
  );
}

async function freePort(): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const server = createServer().listen(0, () => {
    const address = server.address();
    server.close(() => resolve(typeof address === "object" ? (address?.port ?? 0) : 0));
  });
  return await promise;
}

/** Every kind of thing that an instance can have, by name. */
async function left(): Promise<string[]> {
  const tables = (await runCommand("nft", ["list", "tables"])).stdout;
  const cgroup = `${cgroup2MountPoint()}${instance.cgroup}`;
  return [
    ...(existsSync(`/sys/class/net/${instance.bridge}`) ? ["bridge"] : []),
    ...(new RegExp(`nspod_${instance.bridge}\\b`).test(tables) ? ["packet rules"] : []),
    ...(existsSync(cgroup) ? ["cgroup"] : []),
    ...[instance.root, instance.run].filter((path) => existsSync(path)),
    ...pidsWith(instance.run).map((pid) => `process ${pid}`),
  ];
}

/** Nothing is left, also of what the kernel ends in the background. */
async function checkClean(): Promise<void> {
  let words: string[] = [];
  await eventually("nothing to be left", 10_000, async () => {
    words = [...(await left()), ...compareCensus(before, await takeCensus(instance))];
    return words.length === 0 ? true : undefined;
  }).catch((cause: unknown) => {
    throw new Error(`Left behind: ${words.join(", ")}`, { cause });
  });
}

check("takes pods, images, host ports and everything else away", async () => {
  await pods.up("web", {
    volumes: [
      { name: "memory", emptyDir: { medium: "Memory" } },
      { name: "disk", emptyDir: {} },
    ],
    containers: [
      sleeper("web", {
        ports: [{ containerPort: 80, hostPort: await freePort() }],
        volumeMounts: [
          { name: "memory", mountPath: "/memory" },
          { name: "disk", mountPath: "/disk" },
        ],
      }),
    ],
  });
  await pods.up("shared", { shareProcessNamespace: true, containers: [sleeper("a")] });
  await pods.up("host", { hostNetwork: true, containers: [sleeper("a")] });
  await pods.ended("done", { containers: [shell("a", "echo done")] });
  assert.ok((await left()).length >= 6, "there is something to reset");
  await instance.must(["system", "reset", "--yes"]);
  await checkClean();
});

// In a network of its own: other tests use the machine's, and the setting with it.
check("puts ip_forward back, and leaves no link and no table in the network", async () => {
  await instance.must(["system", "reset", "--yes"]);
  const script = `
      setting=/proc/sys/net/ipv4/ip_forward
      echo 0 >$setting; ip link set lo up; ip link add main0 type bridge
      ip address add 192.0.2.9/24 dev main0; ip link set main0 up
      "$0" daemon
      echo "forward $(cat $setting)"; ip -o link | cut -d: -f2; nft list tables; echo over`;
  await using daemon = new LiveCommand("unshare", ["-n", "sh", "-c", script, NSPOD], {
    env: instance.env,
  });
  await daemon.says(/Listening/, { on: "stderr" });
  await instance.must(["image", "load", testImage("busybox")]);
  await pods.up("web", { containers: [sleeper("web")] });
  const inside = await runCommand("nsenter", [
    ...["-t", String(daemon.pid), "-n", "sysctl", "-n", "net.ipv4.ip_forward"],
  ]);
  assert.is(inside.stdout, "1\n");
  await instance.must(["system", "reset", "--yes"]);
  await daemon.says(/over\n/);
  assert.match(daemon.stdout, /^forward 0\n lo\n main0\nover\n$/);
  await checkClean();
});

check("may be repeated, and the instance can be used again afterwards", async () => {
  await pods.up("web", { containers: [sleeper("web")] });
  for (let round = 0; round < 2; round++) {
    assert.is(await instance.must(["system", "reset", "--yes"]), "");
  }
  await checkClean();
  assert.match(await instance.must(["image", "ls"]), /^REPOSITORY.*\n$/);
  assert.match((await instance.nspod(["get", "pods"])).stderr, /No resources found/);
  await instance.must(["system", "reset", "--yes"]);
  await checkClean();
});

check("works while pods crash, wait, end slowly and are created", async () => {
  const crash = shell("a", "exit 1");
  await pods.create("crash", { restartPolicy: "Always", containers: [crash] });
  await pods.create("missing", { containers: [{ name: "a", image: "no/such" }] });
  await pods.up("deaf", {
    terminationGracePeriodSeconds: 600,
    containers: [shell("a", "trap '' TERM; echo deaf; while :; do sleep 1; done")],
  });
  await pods.create("initial", {
    initContainers: [shell("i", "exec sleep 1000")],
    containers: [sleeper("a")],
  });
  const deletion = instance.nspod(["delete", "pod", "deaf"]);
  await pods.until("deaf", "its end", ({ metadata }) => metadata.deletionTimestamp !== undefined);
  for (const name of ["last-1", "last-2", "last-3"]) {
    await pods.create(name, { containers: [sleeper("a")] });
  }
  await instance.must(["system", "reset", "--yes"], { timeoutMs: 60_000 });
  await checkClean();
  // Its pod is gone, which is all it wanted, or its daemon is.
  await deletion;
  await checkClean();
});

check("works when the daemon was killed, and while its shims run", async () => {
  await pods.up("web", { containers: [sleeper("web")] });
  const info = JSON.parse(await instance.must(["system", "info", "-o", "json"])) as {
    pid: number;
  };
  process.kill(info.pid, "SIGKILL");
  await instance.must(["system", "reset", "--yes"]);
  await checkClean();
});

check("asks first, and without an answer does nothing", async () => {
  const { code, stderr, stdout } = await instance.nspod(["system", "reset"], { input: "n\n" });
  assert.is(code, 1);
  assert.match(`${stdout}${stderr}`, /--yes|y\/N/);
  assert.match(await instance.must(["image", "ls"]), /busybox/);
});

check("prune removes pods that have ended and images without a name", async () => {
  await pods.ended("done", { containers: [shell("a", "true")] });
  await pods.ended("failed", { containers: [shell("a", "false")] });
  await pods.up("running", { containers: [sleeper("a")] });
  const text = await instance.must(["system", "prune", "--yes"]);
  assert.match(text, "Deleted pod: default/done\n");
  assert.match(text, "Deleted pod: default/failed\n");
  assert.match(text, /Total reclaimed space: /);
  assert.is(await instance.must(["get", "pods", "-o", "name"]), "pod/running\n");
  assert.match(await instance.must(["image", "ls"]), /busybox/);
  const again = await instance.must(["system", "prune", "--yes"]);
  assert.not.match(again, "Deleted");
});

reset.run();
