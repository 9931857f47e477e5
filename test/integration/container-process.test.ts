// Promise: the process of a container is what image and manifest say: its words, its environment,
// its user, its names; and what cannot be started says why.
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { Container, PodSpec } from "../../src/spec/pod.ts";
import { ociArchive, tar } from "../support/image-archive.ts";
import { NSPOD, testImage } from "../support/instance.ts";
import { LiveCommand } from "../support/live-command.ts";
import { patient } from "../support/patience.ts";
import { podSuite } from "../support/pod-suite.ts";
import { type Pods, shell, sleeper, statusOf } from "../support/pods.ts";
import { requires } from "../support/requires.ts";

requires("root", "file:/bin/busybox");

const { test, run } = podSuite("the process of a container", "busybox");

/** Loads an image with busybox, a few users, and this configuration. */
async function load(pods: Pods, name: string, config: object): Promise<void> {
  const applets = ["sh", "echo", "id", "pwd", "env", "cat", "sleep", "stat"];
  const layer = tar([
    { name: "bin/", type: "5" },
    { name: "bin/busybox", content: readFileSync("/bin/busybox"), mode: 0o755 },
    ...applets.map((applet) => ({ name: `bin/${applet}`, type: "2", link: "busybox" })),
    { name: "bin/no-program", content: "#!/bin/sh\n", mode: 0o644 },
    { name: "tmp/", type: "5", mode: 0o1777 },
    { name: "etc/", type: "5" },
    {
      name: "etc/passwd",
      content: "root:x:0:0::/root:/bin/sh\napp:x:1234:2345::/home/app:/bin/sh\n",
    },
    { name: "etc/group", content: "root:x:0:\napp:x:2345:\nstaff:x:50:app\n" },
  ]);
  const file = join(pods.instance.base, "image.tar");
  await writeFile(file, ociArchive([{ name, layers: [{ tar: layer }], config: { config } }]));
  await pods.instance.must(["image", "load", file]);
}

/** The logs of all containers of a pod that ends well, by container. */
async function outputs(
  pods: Pods,
  name: string,
  spec: PodSpec,
): Promise<Readonly<Record<string, string>>> {
  const pod = await pods.ended(name, spec);
  assert.is(pod.status?.phase, "Succeeded", JSON.stringify(pod.status));
  const logs = spec.containers.map(async (container) => [
    container.name,
    (await pods.log(name, container.name)).trimEnd(),
  ]);
  return Object.fromEntries(await Promise.all(logs));
}

test("command replaces Entrypoint and Cmd, args replaces Cmd", async (pods) => {
  await load(pods, "test/words:1", { Entrypoint: ["echo", "entry"], Cmd: ["cmd"] });
  const image = "test/words:1";
  const said = await outputs(pods, "words", {
    containers: [
      { name: "neither", image },
      { name: "args", image, args: ["arg"] },
      { name: "command", image, command: ["echo", "command"] },
      { name: "both", image, command: ["echo", "command"], args: ["arg"] },
    ],
  });
  assert.equal(said, {
    neither: "entry cmd",
    args: "entry arg",
    command: "command",
    both: "command arg",
  });
});

test("$(VAR) is expanded in env, command and args; $$(VAR) and unknown names stay", async (pods) => {
  const said = await outputs(pods, "expansion", {
    containers: [
      {
        name: "main",
        image: "busybox",
        env: [
          { name: "A", value: "1" },
          { name: "B", value: "$(A)-$$(A)" },
          { name: "C", value: "$(LATER)" },
          { name: "LATER", value: "x" },
        ],
        command: ["echo", "$(B)"],
        args: ["$(C)", "$$(A)", "$(MISSING)", "$A"],
      },
    ],
  });
  assert.is(said["main"], "1-$(A) $(LATER) $(A) $(MISSING) $A");
});

test("the environment is the image's, overridden by env, and nothing of the host's", async (pods) => {
  await load(pods, "test/env:1", { Env: ["PATH=/bin", "KEPT=image", "OVER=image"] });
  const said = await outputs(pods, "environment", {
    containers: [
      {
        name: "main",
        image: "test/env:1",
        command: ["env"],
        env: [{ name: "OVER", value: "pod" }, { name: "EMPTY" }],
      },
    ],
  });
  const lines = (said["main"] ?? "").split("\n").sort();
  assert.equal(lines, [
    "EMPTY=",
    "HOME=/root",
    "HOSTNAME=environment",
    "KEPT=image",
    "OVER=pod",
    "PATH=/bin",
  ]);
});

test("workingDir is made when the image lacks it, and wins over the image's", async (pods) => {
  await load(pods, "test/folder:1", { WorkingDir: "/srv/of/image", Env: ["PATH=/bin"] });
  const image = "test/folder:1";
  const said = await outputs(pods, "folders", {
    containers: [
      { name: "image", image, command: ["pwd"] },
      { name: "pod", image, command: ["pwd"], workingDir: "/made/for/it" },
    ],
  });
  assert.equal(said, { image: "/srv/of/image", pod: "/made/for/it" });
});

test("the image's User is looked up in the image; runAsUser and runAsGroup win", async (pods) => {
  await load(pods, "test/user:1", { User: "app", Env: ["PATH=/bin"] });
  await load(pods, "test/user-group:1", { User: "app:staff", Env: ["PATH=/bin"] });
  const command = ["sh", "-c", "echo $(id -u) $(id -g) $(id -G)"];
  const as = (name: string, image: string, securityContext: Container["securityContext"] = {}) => ({
    name,
    image,
    command,
    securityContext,
  });
  const said = await outputs(pods, "users", {
    containers: [
      as("name", "test/user:1"),
      as("name-group", "test/user-group:1"),
      as("number", "test/user:1", { runAsUser: 77 }),
      as("both", "busybox", { runAsUser: 77, runAsGroup: 78 }),
      as("known", "test/user:1", { runAsUser: 1234 }),
    ],
  });
  assert.equal(said, {
    name: "1234 2345 2345 50",
    "name-group": "1234 50 50",
    number: "77 0 0",
    both: "77 78 78",
    known: "1234 2345 2345 50",
  });
});

test("a user without rights has no capabilities, on the host's side too", async (pods) => {
  await pods.up("unprivileged", {
    securityContext: { runAsUser: 4321, runAsGroup: 8765 },
    containers: [shell("main", "exec sleep 1000")],
  });
  const [pid = 0] = await pods.pids("unprivileged", "main");
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  assert.match(status, /^Uid:\t4321\t4321\t4321\t4321$/m);
  assert.match(status, /^Gid:\t8765\t8765\t8765\t8765$/m);
  assert.match(status, /^CapEff:\t0+$/m);
  await pods.delete("unprivileged");
});

test("runAsNonRoot refuses root and users that it cannot judge", async (pods) => {
  await load(pods, "test/user:1", { User: "app", Env: ["PATH=/bin"] });
  await pods.create("nonroot", {
    securityContext: { runAsNonRoot: true },
    containers: [
      sleeper("root"),
      { name: "named", image: "test/user:1", command: ["sleep", "1000"] },
      shell("fine", "exec sleep 1000", { securityContext: { runAsUser: 1 } }),
    ],
  });
  const pod = await pods.until(
    "nonroot",
    "the verdicts",
    (each) =>
      ["root", "named"].every((name) => statusOf(each, name).state?.waiting?.message) &&
      !!statusOf(each, "fine").state?.running,
  );
  const waiting = (name: string) => statusOf(pod, name).state?.waiting;
  assert.is(waiting("root")?.reason, "CreateContainerConfigError");
  assert.match(
    waiting("root")?.message ?? "",
    "container has runAsNonRoot and image will run as root",
  );
  assert.is(waiting("named")?.reason, "CreateContainerConfigError");
  assert.match(
    waiting("named")?.message ?? "",
    "container has runAsNonRoot and image has non-numeric user (app), cannot verify user is non-root",
  );
  await pods.delete("nonroot");
});

test("fsGroup owns volumes and is a group of every process, like supplementalGroups", async (pods) => {
  const said = await outputs(pods, "groups", {
    securityContext: {
      fsGroup: 5000,
      supplementalGroups: [6000, 7000],
      runAsUser: 999,
      runAsGroup: 998,
    },
    volumes: [
      { name: "disk", emptyDir: {} },
      { name: "memory", emptyDir: { medium: "Memory" } },
    ],
    containers: [
      shell(
        "main",
        "id -G; touch /disk/f /memory/f; stat -c '%g %a' /disk /memory; stat -c %u:%g /disk/f /memory/f",
        {
          volumeMounts: [
            { name: "disk", mountPath: "/disk" },
            { name: "memory", mountPath: "/memory" },
          ],
        },
      ),
    ],
  });
  const [groups = "", ...rest] = (said["main"] ?? "").split("\n");
  assert.equal(groups.split(" ").sort(), ["5000", "6000", "7000", "998"]);
  assert.equal(rest, ["5000 2777", "5000 2777", "999:5000", "999:5000"]);
});

test("hostname and hostAliases are in uname and /etc/hosts", async (pods) => {
  const said = await outputs(pods, "names", {
    hostname: "other-name",
    hostAliases: [{ ip: "192.0.2.77", hostnames: ["alias.example", "alias"] }],
    containers: [
      shell(
        "main",
        "hostname; cat /etc/hostname; echo $HOSTNAME; cat /etc/hosts; echo ip $(hostname -i)",
      ),
    ],
  });
  const [name, file, variable, ...hosts] = (said["main"] ?? "").split("\n");
  assert.equal([name, file, variable], ["other-name", "other-name", "other-name"]);
  const { status } = await pods.get("names");
  assert.ok(hosts.some((line) => /^127\.0\.0\.1\s+localhost\b/.test(line)));
  assert.ok(
    hosts.some((line) => /^192\.0\.2\.77\s+alias\.example\s+alias$/.test(line)),
    hosts.join("\n"),
  );
  const own = hosts.find((line) => /\sother-name$/.test(line))?.split(/\s/)[0];
  assert.is(hosts.at(-1), `ip ${own}`);
  assert.ok(own?.startsWith(pods.instance.subnet.replace(/0\/24$/, "")), JSON.stringify(status));
});

test("dnsPolicy None takes dnsConfig alone, Default the host's servers", async (pods) => {
  const cat = [shell("main", "cat /etc/resolv.conf")];
  const none = await outputs(pods, "dns-none", {
    dnsPolicy: "None",
    dnsConfig: {
      nameservers: ["192.0.2.53", "192.0.2.54"],
      searches: ["one.example", "two.example"],
      options: [{ name: "ndots", value: "2" }, { name: "edns0" }],
    },
    containers: cat,
  });
  assert.equal((none["main"] ?? "").split("\n").sort(), [
    "nameserver 192.0.2.53",
    "nameserver 192.0.2.54",
    "options ndots:2 edns0",
    "search one.example two.example",
  ]);
  const merged = await outputs(pods, "dns-default", {
    dnsPolicy: "Default",
    dnsConfig: { searches: ["more.example"] },
    containers: cat,
  });
  const host = readFileSync("/etc/resolv.conf", "utf8").match(/^nameserver (?!127\.).*$/gm) ?? [];
  for (const line of host.slice(0, 3)) assert.match(merged["main"] ?? "", line);
  assert.match(merged["main"] ?? "", /^search .*more\.example$/m);
});

test("terminationMessagePath, and the log when the policy falls back on it", async (pods) => {
  const pod = await pods.ended("messages", {
    containers: [
      shell("default", "echo -n done > /dev/termination-log"),
      shell("path", "echo -n there > /tmp/message; exit 3", {
        terminationMessagePath: "/tmp/message",
      }),
      shell("fallback", "echo the log; exit 3", {
        terminationMessagePolicy: "FallbackToLogsOnError",
      }),
      shell("long", "head -c 9000 /dev/zero | tr '\\0' x > /dev/termination-log"),
      shell("none", "echo the log; exit 3"),
    ],
  });
  const message = (name: string) => statusOf(pod, name).state?.terminated?.message;
  assert.is(message("default"), "done");
  assert.is(message("path"), "there");
  assert.is(message("fallback"), "the log\n");
  // 12 KiB for the messages of a pod, in equal parts.
  assert.is(message("long")?.length, Math.floor((12 * 1024) / 5));
  assert.is(message("none"), undefined);
});

test("the image's StopSignal ends it", async (pods) => {
  await load(pods, "test/stop:1", { StopSignal: "SIGUSR1", Env: ["PATH=/bin"] });
  const script =
    "trap 'echo usr1; exit 0' USR1; trap 'echo term; exit 0' TERM; echo up; sleep 1000 & wait";
  await pods.create("stop", {
    terminationGracePeriodSeconds: 60,
    containers: [{ name: "main", image: "test/stop:1", command: ["sh", "-c", script] }],
  });
  await pods.untilLogged("stop", "main", "up");
  await using follow = new LiveCommand(NSPOD, ["logs", "-f", "stop"], { env: pods.instance.env });
  await follow.says(/up/);
  await pods.instance.must(["delete", "pod", "stop"]);
  await follow.exit();
  assert.is(follow.stdout, "up\nusr1\n");
});

test("a command that is missing ends as 127, one that is no program as 126", async (pods) => {
  await load(pods, "test/bad:1", { Env: ["PATH=/bin"] });
  const image = "test/bad:1";
  const pod = await pods.ended("bad", {
    containers: [
      { name: "missing", image, command: ["no-such-command"] },
      { name: "missing-path", image, command: ["/no/such/command"] },
      { name: "not-executable", image, command: ["/bin/no-program"] },
      { name: "folder", image, command: ["/etc"] },
    ],
  });
  const end = (name: string) => statusOf(pod, name).state?.terminated;
  for (const [name, exitCode] of [
    ["missing", 127],
    ["missing-path", 127],
    ["not-executable", 126],
    ["folder", 126],
  ] as const) {
    assert.is(end(name)?.reason, "ContainerCannotRun", name);
    assert.is(end(name)?.exitCode, exitCode, name);
  }
  assert.match(end("missing")?.message ?? "", /"no-such-command"/);
  assert.match(end("not-executable")?.message ?? "", /\/bin\/no-program/);
});

test("a program that cannot be started is tried again, and says so in the words of the kubelet", async (pods) => {
  const containers = [{ name: "missing", image: "busybox", command: ["no-such-command"] }];
  await pods.create("refused", { restartPolicy: "Always", containers });
  const pod = await pods.until("refused", "its second try to fail", (each) => {
    const { state, restartCount } = statusOf(each, "missing");
    return state?.waiting?.reason === "RunContainerError" && restartCount === 1;
  });
  const { state, lastState } = statusOf(pod, "missing");
  assert.match(state?.waiting?.message ?? "", /"no-such-command"/);
  assert.is(lastState?.terminated?.exitCode, 127);
  await pods.delete("refused");
});

test("a missing image is told and waited for; imagePullPolicy Never says so", async (pods) => {
  await pods.create("imageless", {
    containers: [
      { name: "waits", image: "nspod/testbox", command: ["testbox", "status"] },
      { name: "never", image: "nspod/other", imagePullPolicy: "Never" },
    ],
  });
  const pod = await pods.until("imageless", "both reasons", (each) =>
    ["waits", "never"].every((name) => statusOf(each, name).state?.waiting?.message),
  );
  assert.is(statusOf(pod, "waits").state?.waiting?.reason, "ErrImagePull");
  assert.match(
    statusOf(pod, "waits").state?.waiting?.message ?? "",
    /nspod\/testbox.*nspod image load/s,
  );
  assert.is(statusOf(pod, "never").state?.waiting?.reason, "ErrImageNeverPull");
  assert.is(pod.status?.phase, "Pending");
  await pods.instance.must(["image", "load", testImage("testbox")]);
  const begin = performance.now();
  await pods.until(
    "imageless",
    "the container to run",
    (each) => !!statusOf(each, "waits").state?.terminated,
  );
  assert.ok(performance.now() - begin < patient(5000), "the load starts what waits for the image");
  assert.is(statusOf(await pods.get("imageless"), "waits").state?.terminated?.exitCode, 0);
  await pods.delete("imageless");
});

run();
