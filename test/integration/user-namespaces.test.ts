// Promise: with hostUsers: false root in the pod is nobody on the host, and its files are nobody's there
// (test/manifests/users.yaml; security: B8).
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import * as assert from "uvu/assert";
import { ociArchive, type TarItem, tar } from "../support/image-archive.ts";
import { daemonPid } from "../support/manifest.ts";
import { manifestFile } from "../support/manifest-file.ts";
import { podSuite } from "../support/pod-suite.ts";
import { type Pods, sleeper } from "../support/pods.ts";
import { pidsWith } from "../support/processes.ts";
import { requires } from "../support/requires.ts";

requires("root", "kernel:6.3");

const { test, run } = podSuite("users of a pod's own", "busybox");

async function hostId(pods: Pods, pod: string, container: string): Promise<number> {
  const [pid = 0] = await pods.pids(pod, container);
  return Number(/^Uid:\t(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}

const ZEROS = ["0:0", "0:0", "0:0"].join("\n");
const IMAGE_FLAGS = "ro,nosuid,nodev,noexec,relatime";

/** Pid of a pod's shim. */
function shimPid({ instance }: Pods, uid: string): number {
  const found = pidsWith(join(instance.run, "pods", uid));
  assert.is(found.length, 1);
  return found[0] ?? 0;
}

test("its containers have ids that are nobody's on the host", async (pods) => {
  await pods.instance.must(["apply", "-f", manifestFile("users")]);
  await pods.until("users", "all to run", ({ status }) =>
    status?.containerStatuses?.every(({ state }) => state?.running),
  );
  const map = (await pods.ask("users", "cat /proc/self/uid_map", "root")).trim().split(/\s+/);
  const base = Number(map[1]);
  assert.equal([map[0], map[2]], ["0", "65536"]);
  assert.ok(base >= 2 ** 22 && base % 65_536 === 0, String(base));
  assert.is(await pods.ask("users", "id -u", "root"), "0");
  assert.is(await hostId(pods, "users", "root"), base);
  assert.is(await hostId(pods, "users", "user"), base + 1000);
});

test("files belong to the users that made them, in the container and on the disk", async (pods) => {
  const ask = (script: string, container = "root"): Promise<string> =>
    pods.ask("users", script, container);
  assert.is(await ask("stat -c %u:%g /data/by-root /data"), "1000:1001\n0:3000");
  assert.is(
    await ask("stat -c %u:%g / /etc /dev /dev/null /dev/shm /made/for/me /bin"),
    Array(7).fill("0:0").join("\n"),
  );
  assert.is(await ask("stat -c %u:%g /sub /memory"), "0:3000\n0:3000");
  assert.is(await ask("touch /data/u && stat -c %u /data/u", "user"), "1000");
  assert.is(
    await ask("touch /new /memory/m /dev/shm/s /dev/mqueue/q && stat -c %u /new /memory/m"),
    "0\n0",
  );
  assert.is(
    await ask("cat /etc/hostname && ls -ln /etc/resolv.conf | cut -d' ' -f1"),
    "users\n-rw-r--r--",
  );
  assert.is(await ask("cat /config/key /secret/key"), "from the mapfrom the secret");
  assert.is(await ask("stat -L -c %u:%g /config/key /secret/key"), "0:3000\n0:3000");
  const { metadata } = await pods.get("users");
  const data = join(pods.instance.root, "pods", metadata.uid ?? "", "volumes/data");
  assert.is(statSync(join(data, "by-root")).uid, 1000);
  assert.is(statSync(join(data, "below/this")).uid, 0);
});

test("files of an image volume belong to whom the image says", async (pods) => {
  const ask = (script: string): Promise<string> => pods.ask("users", script, "root");
  assert.is(await ask("stat -c %u:%g /tools /tools/bin/busybox /applets/busybox"), ZEROS);
  assert.is(await ask("awk '$5 == \"/tools\" {print $6}' /proc/self/mountinfo"), IMAGE_FLAGS);
  const layers: readonly (readonly TarItem[])[] = [
    [{ name: "mine", content: "mine\n", uid: 1000, gid: 1001, mode: 0o400 }],
    [{ name: "roots", content: "not mine\n", mode: 0o600 }],
  ];
  const packed = layers.map((items) => {
    const bytes = tar(items);
    return { tar: bytes, packed: gzipSync(bytes) };
  });
  const image = { name: "owned:1", layers: packed, config: { config: {} } };
  await pods.instance.must(["image", "load", "-"], { input: ociArchive([image]) });
  const { metadata } = await pods.up("owner", {
    hostUsers: false,
    securityContext: { runAsUser: 1000 },
    volumes: [{ name: "files", image: { reference: "owned:1" } }],
    containers: [sleeper("main", { volumeMounts: [{ name: "files", mountPath: "/files" }] })],
  });
  const seen = "cd /files && stat -c %u:%g:%a mine roots && cat mine && cat roots 2>&1";
  const { stdout } = await pods.exec("owner", seen);
  assert.match(stdout, /^1000:1001:400\n0:0:600\nmine\ncat: .*Permission denied\n$/);
  // What showed the layers with these ids is gone again where the pod's next containers come from.
  const mounts = readFileSync(`/proc/${shimPid(pods, metadata.uid)}/mountinfo`, "utf8");
  assert.not.match(mounts, `${join(pods.instance.root, "layers")} `);
  await pods.delete("owner");
});

test("terminals and exec work as ever", async (pods) => {
  const stat = "stat -c %u /dev/console /dev/pts/0 && echo to the terminal >/dev/pts/0";
  assert.is(await pods.ask("users", stat, "terminal"), "0\n0");
  await pods.untilLogged("users", "terminal", "to the terminal");
  const [pid = 0] = await pods.pids("users", "terminal");
  assert.match(readFileSync(`/proc/${pid}/status`, "utf8"), /^Uid:\t(?!0\t)/m);
  const status = await pods.ask("users", "cat /proc/self/status", "root");
  const init = await pods.ask("users", "cat /proc/1/status", "root");
  const pick = (text: string): string[] =>
    text.split("\n").filter((line) => /^(?:Uid|Gid|Groups|Cap...|NoNewPrivs|Seccomp):/.test(line));
  assert.equal(pick(status), pick(init));
});

test("privileges end at the pod", async (pods) => {
  const admin = (script: string): Promise<string> => pods.ask("users", script, "admin");
  // Over its own namespaces it has them.
  assert.is(await admin("mount -t tmpfs none /tmp && echo mounted"), "mounted");
  assert.is(await admin("ip link set lo mtu 1400 && cat /sys/class/net/lo/mtu"), "1400");
  // Unmasked, and still not the host's to change.
  assert.match(await admin("echo x >/proc/sysrq-trigger 2>&1; echo $?"), /denied|not permitted|1$/);
  assert.match(await admin("umount /proc 2>&1; echo $?"), /1$/);
  const root = await pods.exec("users", "umount /proc/keys; mount -t tmpfs none /tmp", {
    container: "root",
  });
  assert.not.equal(root.code, 0);
  const host = readFileSync("/proc/sys/kernel/hostname", "utf8").trim();
  assert.is.not(await pods.ask("users", "hostname", "privileged"), host);
  const privileged = await pods.exec("users", "echo 1 >/proc/sys/kernel/panic", {
    container: "privileged",
  });
  assert.not.equal(privileged.code, 0);
});

test("sysctls are set in namespaces that the pod owns", async (pods) => {
  const values = await pods.ask(
    "users",
    "cat /proc/sys/kernel/shm_rmid_forced /proc/sys/net/ipv4/tcp_syncookies /proc/sys/net/ipv4/ip_unprivileged_port_start",
    "root",
  );
  assert.is(values, "1\n0\n0");
});

test("pods have different ids, also after a restart of the daemon", async (pods) => {
  const mapOf = (name: string): Promise<string> => pods.ask(name, "cat /proc/self/uid_map");
  await pods.up("second", {
    hostUsers: false,
    shareProcessNamespace: true,
    containers: [sleeper("main")],
  });
  const [first, second] = [await mapOf("users"), await mapOf("second")];
  assert.is.not(first, second);
  process.kill(await daemonPid(pods.instance), "SIGKILL");
  assert.equal([await mapOf("users"), await mapOf("second")], [first, second]);
  await pods.delete("second", "users");
  await pods.up("third", { hostUsers: false, containers: [sleeper("main")] });
  assert.is(await mapOf("third"), first);
  await pods.delete("third");
});

run();
