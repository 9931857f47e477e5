// Promise: whatever an image holds in the places that nspod itself works on, a pod of it starts
// safely or says why not, and the host stays as it is (security: ESC-02, 10, 16 to 18, IMG-11).
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import * as assert from "uvu/assert";
import type { Container, ContainerStatus, Pod } from "../../src/spec/pod.ts";
import { type ImageInput, ociArchive, type TarItem, tar } from "../support/image-archive.ts";
import { podSuite } from "../support/pod-suite.ts";
import { type Pods, statusOf } from "../support/pods.ts";
import { requires } from "../support/requires.ts";

requires("root", "file:/bin/busybox");

const { test, run } = podSuite("hostile images");
const canary = mkdtempSync(join(tmpdir(), "nspod-canary-"));
let count = 0;

const applets = ["cat", "echo", "grep", "id", "ls", "mkdir", "pwd", "readlink", "sh", "stat", "wc"];

const base = tar([
  { name: "bin/", type: "5" },
  { name: "bin/busybox", mode: 0o755, content: readFileSync("/bin/busybox") },
  ...applets.map((name) => ({ name: `bin/${name}`, type: "2", link: "busybox" })),
  { name: "etc/", type: "5" },
  { name: "etc/passwd", content: "root:x:0:0::/root:/bin/sh\n1000:x:0:0::/:/bin/sh\n" },
  { name: "etc/group", content: "root:x:0:\n" },
]);

mkdirSync(join(canary, "etc"));
for (const name of ["hosts", "hostname", "resolv.conf", "mtab", "shadow", "ptmx", "self", "sys"]) {
  writeFileSync(join(canary, name), "untouched\n");
}
process.once("exit", () => rmSync(canary, { recursive: true }));

const baseLayer = { tar: base, packed: gzipSync(base) };

/** Everything that a change below the canary folder would change. */
function facts(): string {
  return execFileSync("find", [canary, "-printf", "%p %y %m %U:%G %T@ %s\\n"], {
    encoding: "utf8",
  });
}

function image(name: string, items: readonly TarItem[], config: object = {}): ImageInput {
  return { name, layers: [baseLayer, { tar: tar(items) }], config: { config } };
}

async function load(pods: Pods, ...inputs: readonly ImageInput[]): Promise<void> {
  await pods.instance.must(["image", "load", "-"], { input: ociArchive(inputs) });
}

const errors = ["CreateContainerConfigError", "CreateContainerError", "RunContainerError"];

/** What a container came to: its words when it ran, the reason and sentence when it did not. */
interface Outcome {
  readonly text: string;
  readonly error: string;
}

function hasOutcome({ state }: ContainerStatus): boolean {
  return state?.terminated !== undefined || errors.includes(state?.waiting?.reason ?? "");
}

/** Runs one container per image in one pod and says what became of each. */
async function outcomes(
  pods: Pods,
  names: readonly string[],
  script: string,
  more: Partial<Container> = {},
): Promise<ReadonlyMap<string, Outcome>> {
  count += 1;
  const pod = `hostile-${count}`;
  const containers = names.map((name, index) => ({
    name: `c${index}`,
    image: name,
    command: ["/bin/sh", "-c", script],
    ...more,
  }));
  await pods.create(pod, { containers });
  const all = (seen: Pod): boolean =>
    containers.every(({ name }) => hasOutcome(statusOf(seen, name)));
  const seen = await pods.until(pod, "an outcome of every container", all);
  const found = new Map<string, Outcome>();
  for (const { name, image: from } of containers) {
    const { waiting, terminated } = statusOf(seen, name).state ?? {};
    const why = waiting ?? terminated;
    const hasRun = terminated !== undefined && terminated.exitCode === 0;
    found.set(from, {
      text: hasRun ? await pods.log(pod, name) : "",
      error: hasRun ? "" : `${why?.reason}: ${why?.message ?? ""}`,
    });
  }
  await pods.delete(pod);
  return found;
}

function check(name: string, body: (pods: Pods) => Promise<void>): void {
  test(name, async (pods) => {
    const before = facts();
    await body(pods);
    assert.is(facts(), before, "the canary folder has changed");
  }, 60_000);
}

/** Ways from the root of a container to the canary, as if its root were the host's. */
function ways(): string[] {
  return [canary, `${"../".repeat(12)}${canary.slice(1)}`];
}

check("links in place of /proc, /sys, /dev and /etc lead nowhere", async (pods) => {
  const places = ["proc", "sys", "dev", "etc"];
  const inputs = ways().flatMap((link, way) => [
    ...places.map((name) => image(`link/${name}-${way}`, [{ name, type: "2", link }])),
    image(
      `link/all-${way}`,
      places.map((name) => ({ name, type: "2", link })),
    ),
  ]);
  await load(pods, ...inputs);
  const names = inputs.map(({ name = "" }) => name);
  const said = await outcomes(
    pods,
    names,
    "ls -d /proc/self /sys/class /dev/null && cat /etc/hostname && readlink /proc/self/exe && wc -c </proc/sys/kernel/osrelease",
  );
  for (const name of names) {
    const { text, error } = said.get(name) ?? { text: "", error: "no outcome" };
    assert.is(error, "", name);
    assert.match(text, /^\/dev\/null\n\/proc\/self\n\/sys\/class\nhostile-1\n\/bin\/busybox\n/);
  }
});

check(
  "files in place of folders, and folders in place of files, are told or replaced",
  async (pods) => {
    const file = (name: string): TarItem => ({ name, content: "x" });
    const folder = (name: string): TarItem => ({ name: `${name}/`, type: "5" });
    const inputs = [
      ...["proc", "sys", "dev"].map((name) => image(`kind/${name}`, [file(name)])),
      image("kind/pts", [folder("dev"), file("dev/pts")]),
      image("kind/hosts", [folder("etc"), folder("etc/hosts")]),
      image("kind/loop", [{ name: "proc", type: "2", link: "proc" }]),
    ];
    await load(pods, ...inputs);
    const names = inputs.map(({ name = "" }) => name);
    const said = await outcomes(pods, names, "ls -d /proc/self /sys/class /dev/null /dev/pts/ptmx");
    for (const name of names) {
      const { text, error } = said.get(name) ?? { text: "", error: "no outcome" };
      if (error === "") assert.match(text, "/proc/self\n/sys/class\n");
      else
        assert.match(error, /^(\w+Error|ContainerCannotRun): Cannot start container "c\d": /, name);
    }
  },
);

check("links in place of what nspod writes for the pod stay in the container", async (pods) => {
  const names = ["hosts", "hostname", "resolv.conf", "mtab"];
  const inputs = ways().map((link, way) =>
    image(`files/${way}`, [
      ...names.map((name) => ({ name: `etc/${name}`, type: "2", link: `${link}/${name}` })),
      { name: "dev/", type: "5" },
      { name: "dev/shm", type: "2", link },
      { name: "dev/termination-log", type: "2", link: `${link}/self` },
    ]),
  );
  await load(pods, ...inputs);
  const said = await outcomes(
    pods,
    ["files/0", "files/1"],
    "cat /etc/hosts /etc/hostname /etc/resolv.conf && readlink /etc/mtab; echo said >/dev/termination-log; echo x >/dev/shm/new; echo y >>/etc/hosts; echo z >/etc/mtab; true",
  );
  for (const { text, error } of said.values()) {
    assert.is(error, "");
    assert.match(text, /localhost/);
    assert.match(text, /\/proc\/mounts|\/proc\/self\/mounts/);
    assert.not.match(text, "untouched");
  }
});

check("a working directory below /proc/self/fd is refused", async (pods) => {
  const numbers = Array.from({ length: 12 }, (_, index) => index + 3);
  const inputs = [
    ...numbers.map((fd) => image(`wd/fd-${fd}`, [], { WorkingDir: `/proc/self/fd/${fd}` })),
    ...["/proc/self/cwd", "/proc/1/root", "/proc/self/fd/7/../../.."].map((WorkingDir, index) =>
      image(`wd/other-${index}`, [], { WorkingDir }),
    ),
    image("wd/link", [{ name: "wd", type: "2", link: "/proc/self/fd/9" }], { WorkingDir: "/wd" }),
  ];
  await load(pods, ...inputs);
  const names = inputs.map(({ name = "" }) => name);
  const said = await outcomes(pods, names, "pwd; ls -a");
  for (const name of names) {
    const { text, error } = said.get(name) ?? { text: "", error: "no outcome" };
    assert.is(text, "", `${name}: ${text}`);
    assert.match(error, /Cannot start container "c\d+": spec\.containers\[\d+\]\.workingDir: /);
  }
});

check("a USER is a number or a name, and never root by accident", async (pods) => {
  const users: Readonly<Record<string, string | undefined>> = {
    "1000": "1000",
    "1000:1000": "1000",
    "2147483647": "2147483647",
    "2147483648": undefined,
    "4294967295": undefined,
    "4294967296": undefined,
    "18446744073709551616": undefined,
    "-1": undefined,
    "00": undefined,
    "0x0": undefined,
    " 0": undefined,
    "0 ": undefined,
    "+0": undefined,
    nobody: undefined,
    "nobody:root": undefined,
  };
  const inputs = Object.keys(users).map((User, index) => image(`user/${index}`, [], { User }));
  await load(pods, ...inputs);
  const said = await outcomes(
    pods,
    inputs.map(({ name = "" }) => name),
    "id -u",
  );
  for (const [index, [user, uid]] of Object.entries(users).entries()) {
    const { text, error } = said.get(`user/${index}`) ?? { text: "", error: "no outcome" };
    if (uid === undefined) {
      assert.is(text, "", `USER "${user}" ran as ${text}`);
      assert.match(error, /^CreateContainerError: /);
    } else {
      assert.is(text, `${uid}\n`, error);
    }
  }
});

check("a USER that is root is found out by runAsNonRoot, however it is written", async (pods) => {
  const users = ["", "0", "root", "0:1000"];
  await load(pods, ...users.map((User, index) => image(`root/${index}`, [], { User })));
  const said = await outcomes(
    pods,
    users.map((_, index) => `root/${index}`),
    "id -u",
    { securityContext: { runAsNonRoot: true } },
  );
  for (const { text, error } of said.values()) {
    assert.is(text, "");
    assert.match(error, /^CreateContainerConfigError: .*(runAsNonRoot|non-root)/, error);
  }
});

check("a VOLUME is a folder of the container, wherever its path points", async (pods) => {
  const up = "/..".repeat(12);
  const inputs = [
    image("volume/etc", [], { Volumes: { "/../../etc": {} } }),
    image("volume/canary", [], { Volumes: { [`${up}${canary}`]: {}, [`..${canary}`]: {} } }),
    image("volume/link", [{ name: "data", type: "2", link: canary }], { Volumes: { "/data": {} } }),
    image("volume/proc", [], { Volumes: { "/proc/self/fd/7": {}, "/proc/self/cwd": {} } }),
  ];
  await load(pods, ...inputs);
  const names = inputs.map(({ name = "" }) => name);
  for (const readOnlyRootFilesystem of [false, true]) {
    const said = await outcomes(
      pods,
      names,
      `cat /etc/shadow ${canary}/shadow /data/shadow; echo x >/data/new; echo x >${canary}/new; ls -d /proc/self`,
      { securityContext: { readOnlyRootFilesystem } },
    );
    for (const name of names) {
      const { text, error } = said.get(name) ?? { text: "", error: "no outcome" };
      if (error === "") assert.match(text, /^\/proc\/self$/m, name);
      else assert.match(error, /^\w+: Cannot start container "c\d"|^\w+: spec\.containers/, name);
      assert.not.match(text, "untouched");
    }
  }
});

check("user files that are no files are told, and nothing is read of the host", async (pods) => {
  const name = "etc/passwd";
  const inputs = [
    image("passwd/pipe", [{ name, type: "6" }], { User: "daemon" }),
    image("passwd/zero", [{ name, type: "3", major: 1, minor: 5 }], { User: "daemon" }),
    image("passwd/link", [{ name, type: "2", link: "/dev/zero" }], { User: "daemon" }),
    image("passwd/host", [{ name, type: "2", link: `${"../".repeat(12)}etc/passwd` }], {
      User: "daemon",
    }),
    image("passwd/proc", [{ name, type: "2", link: "/proc/self/root/etc/passwd" }], {
      User: "daemon",
    }),
    image("passwd/folder", [{ name: `${name}/`, type: "5" }], { User: "daemon" }),
    image("passwd/loop", [{ name, type: "2", link: "passwd" }], { User: "daemon" }),
    image("passwd/etc", [{ name: "etc", type: "2", link: "/proc/1/root/etc" }], {
      User: "daemon",
    }),
    image("passwd/group", [{ name: "etc/group", type: "6" }], { User: "1000:daemon" }),
  ];
  await load(pods, ...inputs);
  const names = inputs.map(({ name: from = "" }) => from);
  const said = await outcomes(pods, names, "id -u");
  for (const from of names) {
    const { text, error } = said.get(from) ?? { text: "", error: "no outcome" };
    assert.is(text, "", from);
    assert.match(error, /^CreateContainerError: .*(user|passwd|group)/, from);
  }
});

run();
