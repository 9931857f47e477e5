// Promise: a container that exchanges folders and links of a volume, as fast as it can, while others of its pod start,
// start again and are deleted, leads neither a mount nor a write to /proc nor a removal out of them
// (security: ESC-14, VOL-12).
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { Container, Pod, Volume, VolumeMount } from "../../src/spec/pod.ts";
import { podSuite } from "../support/pod-suite.ts";
import { type Pods, statusOf } from "../support/pods.ts";
import { requires } from "../support/requires.ts";

requires("root", "kernel:5.15");

const { test, run } = podSuite("mounts while names are exchanged", "testbox");

const image = "nspod/testbox";
const shared: VolumeMount = { name: "shared", mountPath: "/shared" };

const said = /^NoNewPrivs:\t1\nSeccomp:\t2\n1000\n77\nsaid\n$/;
/** Its own volume may lie over the file, where the link has led the mount into the container's own /proc. */
const saidOrCovered =
  /^NoNewPrivs:\t1\nSeccomp:\t2\n1000\n(77|cat: .*: No such file or directory)\nsaid\n$/;

/** Names of the shared volume, each in turn a folder and a link to such a place. */
const traps = ["outside", "up", "root", "attr", "sysctl"] as const;

/** Where the links lead; inside of the container most of them lead somewhere, too. */
function leadsTo(outside: string): Readonly<Record<(typeof traps)[number], string>> {
  return {
    outside,
    up: `../../../../../../../../../..${outside}`,
    root: "/",
    attr: "/proc/self/attr",
    sysctl: "/proc/sys/net",
  };
}

/** A folder of the host that no container has. */
function hostFolder(pods: Pods, name: string): string {
  const path = join(pods.instance.base, name);
  mkdirSync(join(path, "kept"), { recursive: true });
  writeFileSync(join(path, "file"), "kept");
  return path;
}

/** What a mount or a write that went astray would change on the host. */
function hostFacts(outside: string): object {
  const mounts = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
  const sysctls = ["kernel/core_pattern", "net/ipv4/ip_unprivileged_port_start"];
  return {
    mounts: mounts.filter((line) => line.includes(outside)),
    names: readdirSync(outside, { recursive: true }).sort(),
    text: readFileSync(join(outside, "file"), "utf8"),
    sysctls: sysctls.map((name) => readFileSync(`/proc/sys/${name}`, "utf8")),
  };
}

/** Says what its start has set, and ends. */
function victim(trap: (typeof traps)[number]): Container {
  const script = `grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status
    cat /proc/self/oom_score_adj; cat /proc/sys/net/ipv4/ip_unprivileged_port_start; echo said`;
  return {
    ...{ name: trap, image, command: ["sh", "-c", script] },
    securityContext: { allowPrivilegeEscalation: false },
    volumeMounts: [
      shared,
      { name: "shared", mountPath: "/sub", subPath: `${trap}/deep` },
      { name: "inner", mountPath: `/shared/${trap}/deep/er` },
      { name: "inner", mountPath: `/shared/${trap}/ipv4` },
    ],
  };
}

const volumes: readonly Volume[] = [
  { name: "shared", emptyDir: {} },
  { name: "inner", emptyDir: {} },
];

/** It has run twice, or was stopped by what it met. */
function isOver(pod: Pod, name: string): boolean {
  const { restartCount, state } = statusOf(pod, name);
  return restartCount > 0 || /Error$/.test(state?.waiting?.reason ?? "");
}

test("what starts has its sandbox, and the host keeps its mounts, files and settings", async (pods) => {
  const outside = hostFolder(pods, "outside");
  const before = hostFacts(outside);
  const links = Object.entries(leadsTo(outside));
  const prepare = links.map(([name, to]) => `mkdir -p ${name}/deep; ln -s ${to} to-${name}`);
  const pairs = links.map(([name]) => `${name} to-${name}`);
  let started = 0;
  for (let round = 0; round < 3 || started === 0; round++) {
    const name = `raced-${round}`;
    await pods.create(name, {
      ...{ restartPolicy: "Always", volumes },
      securityContext: {
        sysctls: [{ name: "net.ipv4.ip_unprivileged_port_start", value: "77" }],
      },
      initContainers: [
        {
          ...{ name: "prepare", image, workingDir: "/shared", volumeMounts: [shared] },
          command: ["sh", "-c", prepare.join("\n")],
        },
        {
          ...{ name: "swap", image, workingDir: "/shared", volumeMounts: [shared] },
          command: ["sh", "-c", `exec attack swap ${pairs.join(" ")}`],
          restartPolicy: "Always",
        },
      ],
      containers: traps.map(victim),
    });
    const pod = await pods.until(name, "two starts of each", (now) =>
      traps.every((trap) => isOver(now, trap)),
    );
    for (const trap of traps) {
      if (statusOf(pod, trap).restartCount === 0) continue;
      const text = await pods.log(name, trap);
      if (!text.includes("said")) continue;
      started++;
      assert.match(text, trap === "sysctl" ? saidOrCovered : said, trap);
    }
    await pods.delete(name);
    assert.equal(hostFacts(outside), before);
  }
}, 90_000);

test("a mount point that became a link is not followed when its pod starts again and goes", async (pods) => {
  const outside = hostFolder(pods, "beyond");
  const before = hostFacts(outside);
  const main: Container = {
    ...{ name: "main", image },
    command: [
      "sh",
      "-c",
      `mv /point /moved && ln -s ${outside} /point && echo moved
       until [ -e /shared/go ]; do usleep 10000; done; rm /shared/go`,
    ],
    volumeMounts: [
      shared,
      { name: "inner", mountPath: "/point/inner" },
      { name: "inner", mountPath: "/shared/point" },
    ],
  };
  const neighbour: Container = {
    ...{ name: "neighbour", image, command: ["sleep", "1000"], volumeMounts: [shared] },
  };
  await pods.up("points", { restartPolicy: "Always", volumes, containers: [main, neighbour] });
  await pods.untilLogged("points", "main", "moved");
  // In the neighbour's mount namespace it is a plain folder.
  const script = `rmdir /shared/point && ln -s ${outside} /shared/point && touch /shared/go`;
  await pods.ask("points", script, "neighbour");
  // In the container the link leads nowhere.
  await pods.until("points", "why it does not start again", (pod) =>
    /"\/shared\/point.*failed with ENOENT/.test(JSON.stringify(statusOf(pod, "main"))),
  );
  assert.equal(hostFacts(outside), before);
  await pods.delete("points");
  assert.equal(hostFacts(outside), before);
});

run();
