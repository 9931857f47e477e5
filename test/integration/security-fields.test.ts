// Promise: the profiles, groups and sysctls of a security context are what the containers have, and what this
// node cannot give is refused in the words of a kubelet (test/manifests/security.yaml).
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import * as assert from "uvu/assert";
import { hasAppArmor } from "../../src/container/app-armor.ts";
import { manifestFile } from "../support/manifest-file.ts";
import { podSuite } from "../support/pod-suite.ts";
import { type Pods, statusOf } from "../support/pods.ts";
import { requires } from "../support/requires.ts";

requires("root", "kernel:5.15");

const { test, run } = podSuite("security contexts", "busybox");

const noChmod = {
  defaultAction: "SCMP_ACT_ALLOW",
  architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"],
  syscalls: [
    { names: ["chmod", "fchmod", "fchmodat", "fchmodat2"], action: "SCMP_ACT_ERRNO", errnoRet: 13 },
  ],
};

function profilePath({ instance }: Pods): string {
  return join(instance.root, "seccomp-profiles/profiles/no-chmod.json");
}

test("a container runs under the seccomp profile that it asks for", async (pods) => {
  // Below the data root of an instance, as a node's owner would put it there.
  await mkdir(dirname(profilePath(pods)), { recursive: true });
  await writeFile(profilePath(pods), JSON.stringify(noChmod));
  await pods.instance.must(["apply", "-f", manifestFile("security")]);
  const pod = await pods.untilEnded("profiles");
  assert.is(pod.status?.phase, "Succeeded", JSON.stringify(pod.status));
  const localhost = await pods.log("profiles", "localhost");
  assert.match(localhost, /chmod: .*Permission denied\nmade\nSeccomp:\t2\n/);
  const byDefault = await pods.log("profiles", "default");
  assert.match(byDefault, /unshare: .*not permitted/);
  assert.match(byDefault, /^changed$/m);
  assert.match(byDefault, /^Seccomp:\t2$/m);
  assert.is(await pods.log("profiles", "unconfined"), "changed\nSeccomp:\t0\n");
});

test("exec has the profile of the container", async (pods) => {
  const securityContext = {
    seccompProfile: { type: "Localhost", localhostProfile: "profiles/no-chmod.json" },
  } as const;
  await pods.up("joined", {
    containers: [
      {
        name: "main",
        image: "busybox",
        command: ["sh", "-c", "trap 'exit 0' TERM; sleep infinity & wait"],
        securityContext,
      },
    ],
  });
  assert.match((await pods.exec("joined", "chmod 700 /tmp")).stderr, /Permission denied/);
  await pods.delete("joined");
});

test("a profile that is missing or wrong keeps the container waiting", async (pods) => {
  await rm(profilePath(pods));
  const seccompProfile = { type: "Localhost", localhostProfile: "profiles/no-chmod.json" } as const;
  const spec = {
    securityContext: { seccompProfile },
    containers: [{ name: "main", image: "busybox", command: ["true"] }],
  };
  const waiting = async (name: string) => {
    await pods.create(name, spec);
    const pod = await pods.until(name, "the container to wait", (each) =>
      statusOf(each, "main").state?.waiting?.reason?.startsWith("CreateContainerE"),
    );
    await pods.delete(name);
    return statusOf(pod, "main").state?.waiting;
  };
  const path = profilePath(pods);
  assert.equal(await waiting("missing"), {
    reason: "CreateContainerError",
    message: `cannot load seccomp profile "${path}": open ${path}: no such file or directory`,
  });
  await writeFile(path, JSON.stringify({ defaultAction: "ALLOW" }));
  assert.match((await waiting("wrong"))?.message ?? "", /": defaultAction: must be one of /);
  await rm(join(pods.instance.root, "seccomp-profiles"), { recursive: true });
});

test("groups of the image are added or not, by policy", async (pods) => {
  const ended = async (name: string): Promise<string> => {
    await pods.untilEnded(name);
    return (await pods.log(name)).trim();
  };
  assert.is(await ended("strict-groups"), "1000 4000");
  assert.is(await ended("merged-groups"), "1000 2000 4000");
});

test("a sysctl that the node does not allow ends the pod", async (pods) => {
  const pod = await pods.untilEnded("unsafe-sysctl");
  const message = 'forbidden sysctl: "net.core.somaxconn" not allowlisted';
  assert.is(pod.status?.phase, "Failed");
  assert.is(pod.status?.reason, "SysctlForbidden");
  assert.is(pod.status?.message, `Pod was rejected: ${message}`);
  const [event] = (await pods.events("unsafe-sysctl")).filter(({ type }) => type === "Warning");
  assert.is(event?.reason, "SysctlForbidden");
  assert.is(event?.message, message);
});

test("an AppArmor profile is not promised where the node does not have it", async (pods) => {
  if (hasAppArmor()) {
    const pod = await pods.until("apparmor", "the container to wait", (each) =>
      Boolean(statusOf(each, "main").state?.waiting?.reason?.startsWith("CreateContainerE")),
    );
    const { message } = statusOf(pod, "main").state?.waiting ?? {};
    assert.is(message, "apparmor profile not found nobody-loaded-this");
    return;
  }
  const { status } = await pods.untilEnded("apparmor");
  assert.is(status?.phase, "Failed");
  assert.is(status?.reason, "AppArmor");
  assert.is(
    status?.message,
    "Pod was rejected: Cannot enforce AppArmor: AppArmor is not enabled on the host",
  );
});

run();
