// compileContainer(), compileExec(), compileReaper(): the order that security depends on, and what privileged leaves out.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { compileContainer } from "../../../src/container/compile.ts";
import { compileExec, compileReaper, planExec } from "../../../src/container/exec.ts";
import { planContainer } from "../../../src/container/plan.ts";
import { K } from "../../../src/sys/abi.ts";
import { find, listing } from "./listing.ts";
import { type InputChanges, planInput } from "./plan-input.ts";

const plan = (changes: InputChanges = {}) => planContainer(planInput(changes));
const compile = (changes: InputChanges = {}) => compileContainer(plan(changes));
const lines = (changes: InputChanges = {}) => listing(compile(changes).programs.program);

function inOrder(all: readonly string[], ...patterns: readonly RegExp[]): void {
  const found = patterns.map((pattern) => find(all, pattern));
  assert.equal(
    found,
    found.toSorted((a, b) => a - b),
    patterns.map(String).join(", "),
  );
}

const start = suite("compileContainer()");

start("cuts itself off before it opens anything of the container", () => {
  inOrder(
    lines(),
    /^close_range 4 4294967295 0$/,
    /^prctl 4 0/, // PR_SET_DUMPABLE
    /^unshare /,
    /^mount "none" "\/" 0/,
    /^openat .*"\/pods\/1f\/containers\/web\/0\/upper"/,
  );
});

start("clones what stays joined with the host before it cuts itself off", () => {
  const volume = {
    name: "v",
    source: "/srv",
    kind: "hostPath",
    isFile: false,
    nosuidNodev: false,
  } as const;
  const volumeMounts = [
    { name: "v", mountPath: "/v", mountPropagation: "HostToContainer" as const },
  ];
  const all = lines({ container: { volumeMounts }, input: { volumes: new Map([["v", volume]]) } });
  inOrder(
    all,
    /^open_tree .*"\/srv"/,
    /^fcntl R\d+ \d+ 900$/,
    /^mount "none" "\/" 0/,
    /^mount "overlay"/,
    /^mount_setattr .*propagation=MS_SLAVE/,
  );
});

const users = { namespace: "/run/1f/userns", base: 655_360 };

start("makes files as the root of the pod's users and joins them last", () => {
  const all = lines({ input: { users }, container: { securityContext: { runAsUser: 7 } } });
  inOrder(
    all,
    /^openat .*"\/run\/1f\/userns"/,
    /^prctl 28 4 /, // PR_SET_SECUREBITS
    /^setresgid -1 655360 -1$/,
    /^setresuid -1 655360 -1$/,
    /"\/layers"/,
    /^mount_setattr .*IDMAP, userns_fd=4/,
    /^mount "overlay"/,
    /^pivot_root/,
    /^dup3 4 3 /,
    /^keyctl /,
    /^setns 3 268435456$/,
    /^unshare 131072$/,
    /^prctl 24 /, // PR_CAPBSET_DROP
    /^setgroups /,
    /^execve /,
  );
  // What comes from outside gets the ids of the containers: hosts, hostname, resolv.conf, the layers and the skeleton.
  assert.is(all.filter((line) => line.includes("userns_fd=4")).length, 5);
  assert.not.ok(lines().some((line) => line.includes("IDMAP")));
});

start("shows what is masked with procMount Unmasked only", () => {
  const masks = (procMount: "Default" | "Unmasked"): number =>
    lines({ container: { securityContext: { procMount } } }).filter((line) =>
      /"(?:kcore|sysrq-trigger)"/.test(line),
    ).length;
  assert.ok(masks("Default") > 0);
  assert.is(masks("Unmasked"), 0);
});

start("announces an AppArmor profile while /proc is the host's", () => {
  const choice = { type: "Localhost", localhostProfile: "deny-write" } as const;
  const appArmor = () => ({ profile: choice.localhostProfile, origin: "x" });
  const all = lines({ input: { appArmor } });
  inOrder(
    all,
    /^openat .*"\/proc\/thread-self\/attr\/apparmor\/exec"/,
    /^write R\d+ "exec deny-write" 15$/,
    /^pivot_root/,
  );
});

start("gives up privileges in the order that the kernel needs", () => {
  inOrder(
    lines(),
    /^pivot_root "\." "\."$/,
    /^umount2 "\." 2$/,
    /^keyctl /,
    /^prctl 24 /, // PR_CAPBSET_DROP
    /^setgroups /,
    /^setresgid /,
    /^setresuid /,
    /^capset /,
    /^prctl 38 1/, // PR_SET_NO_NEW_PRIVS
    /^seccomp /,
    /^execve /,
  );
});

start(
  "closes every descriptor and changes to the working directory before it drops privileges",
  () => {
    const all = lines({ container: { workingDir: "/srv/app" } });
    const last = all.lastIndexOf("close_range 3 4294967295 0");
    assert.ok(last > find(all, /^pivot_root/) && last < find(all, /^setgroups/));
    assert.match(all[last - 1] ?? "", /^fchdir R/);
  },
);

start("keeps CAP_SYS_ADMIN for the filter alone when no_new_privs is off", () => {
  const imageUser = { uid: 1000, gid: 1000, groups: [1000], name: "", home: "/" };
  const all = lines({
    container: { securityContext: { allowPrivilegeEscalation: true } },
    input: { imageUser },
  });
  inOrder(
    all,
    /^prctl 8 1/, // PR_SET_KEEPCAPS
    /^setresuid 1000/,
    /^prctl 8 0/,
    /^capset .*effective=0x200000,/,
    /^seccomp /,
    /^capset .*effective=0x0,/,
    /^execve /,
  );
  assert.not(all.some((line) => line.startsWith("prctl 38 ")));
});

start("leaves a user other than root without any capability", () => {
  const imageUser = { uid: 1000, gid: 1000, groups: [1000], name: "", home: "/" };
  const all = lines({
    container: { securityContext: { capabilities: { add: ["NET_ADMIN"] } } },
    input: { imageUser },
  });
  const sets = all.filter((line) => line.startsWith("capset "));
  assert.is(sets.length, 1);
  assert.match(sets[0] ?? "", /effective=0x0, permitted=0x0, inheritable=0/);
});

start("names the layers by descriptor, upmost first", () => {
  const all = lines();
  const mount = all[find(all, /^mount "overlay"/)] ?? "";
  assert.match(mount, /"lowerdir=6:7:8,upperdir=4,workdir=5,metacopy=off,redirect_dir=nofollow"$/);
  inOrder(
    all,
    /\/upper"/,
    /\/work"/,
    /"\/skeleton\/1"/,
    /"\/layers\/b"/,
    /"\/layers\/a"/,
    /^mount "overlay"/,
  );
});

start("stacks 200 layers within the 4096 bytes of mount options, and refuses none and 500", () => {
  const layers = (count: number) => ({
    input: { layers: Array.from({ length: count }, (_, index) => `/layers/${index}`) },
  });
  const all = lines(layers(499));
  const mount = all[find(all, /^mount "overlay"/)] ?? "";
  assert.ok(mount.length < 4096);
  assert.throws(() => lines(layers(0)), /overlayfs takes 1 to 499/);
  assert.throws(() => lines(layers(500)), /overlayfs takes 1 to 499/);
});

start("masks and write-protects /proc and /sys unless privileged", () => {
  const masked = [
    "acpi", "asound", "interrupts", "kcore", "keys", "latency_stats", "sched_debug", "scsi",
    "timer_list", "timer_stats", "firmware", "devices/virtual/powercap", "fs/selinux", "dev/block",
    "devices/system/cpu/cpu0/thermal_throttle", "bus", "fs", "irq", "sys", "sysrq-trigger",
  ]; // biome-ignore format: a table
  // By name, or on a descriptor that was opened two lines before.
  const targets = (all: readonly string[]): string[] =>
    all.flatMap((line, index) => {
      const [, register = "", name = ""] = /^move_mount R\d+ "" (R\d+) "(.*?)"/.exec(line) ?? [];
      if (name !== "" || !all[index - 1]?.endsWith(` ${register}`)) return name;
      return /^openat R\d+ "(.+?)"/.exec(all[index - 2] ?? "")?.[1] ?? [];
    });
  const covered = targets(lines());
  for (const name of masked) assert.ok(covered.includes(name), name);
  const privileged = targets(lines({ container: { securityContext: { privileged: true } } }));
  assert.equal(
    privileged.filter((name) => masked.includes(name)),
    [],
  );
});

start("takes /dev/null for masks and stdin before a volume can cover it", () => {
  const volumes = new Map([
    ["v", { name: "v", source: "/v", kind: "emptyDir", isFile: true, nosuidNodev: true } as const],
  ]);
  const volumeMounts = [{ name: "v", mountPath: "/dev/null" }];
  const all = lines({ container: { volumeMounts }, input: { volumes } });
  inOrder(all, /^open_tree R\d+ "null"/, /^openat R\d+ "null"/, /^open_tree -100 "\/v"/);
  const cover = find(all, /^open_tree -100 "\/v"/);
  assert.not(all.slice(cover).some((line) => /^open(?:at|_tree) R\d+ "null"/.test(line)));
});

start("tolerates a missing path for masks, and nothing else", () => {
  const { operations } = compile().programs.program;
  for (const { name, options, origin } of operations) {
    const isMask = name === "openat" && origin.startsWith("masked");
    if (isMask) assert.equal(options.tolerate, ["ENOENT"], origin);
    if (isMask || name === "move_mount") {
      assert.ok((options.tolerate ?? []).every((errno) => errno === "ENOENT"));
    }
  }
});

start("makes the host's nodes for privileged containers, with their owners", () => {
  const all = lines({ container: { securityContext: { privileged: true } } });
  inOrder(all, /^mkdirat R\d+ "net" 493$/, /^mknodat R\d+ "net\/tun" 8576 2760$/);
  assert.ok(find(all, /^fchownat R\d+ "net\/tun" 0 5 256$/));
  assert.not(lines().some((line) => line.includes("net/tun")));
});

start("makes the root read-only after everything is in place", () => {
  const all = lines({ container: { securityContext: { readOnlyRootFilesystem: true } } });
  const { operations } = compile({
    container: { securityContext: { readOnlyRootFilesystem: true } },
  }).programs.program;
  const at = operations.findIndex(({ origin }) => origin.endsWith("readOnlyRootFilesystem"));
  assert.is(operations[at]?.name, "mount_setattr");
  assert.is(at + 1, find(all, /^fchdir /));
});

start("gives every operation an origin", () => {
  const { prelude, program, postlude } = compile({
    spec: { shareProcessNamespace: true },
    container: { tty: true, stdin: true },
  }).programs;
  for (const each of [prelude, program, postlude]) {
    assert.ok(each);
    assert.equal(
      each?.operations.filter(({ origin }) => origin === ""),
      [],
    );
  }
});

start("opens the terminal of its own devpts in the shim, and binds that as console", () => {
  const { prelude, program } = compile({ container: { tty: true } }).programs;
  inOrder(listing(prelude), /^fsmount /, /^openat R4 "ptmx"/, /^ioctl R5 \d+ \[0\]/, /^ioctl R5/);
  inOrder(listing(program), /^mknodat R\d+ "console"/, /^open_tree 0 ""/, /"console" 4$/);
  assert.not(listing(program).some((line) => line.includes('"console"') && line.includes("pts/")));
});

start("is born where its PID namespace says", () => {
  const own = compile();
  assert.is(own.cloneFlags, K.CLONE_NEWNS | K.CLONE_NEWPID);
  assert.is(own.programs.postlude, undefined);
  const shared = compile({ spec: { shareProcessNamespace: true } });
  assert.is(shared.cloneFlags, K.CLONE_NEWNS);
  inOrder(listing(shared.programs.prelude), /"\/proc\/self\/ns\/pid"/, /^setns R3 536870912$/);
  assert.equal(listing(shared.programs.postlude), ["setns R6 536870912", "close R6"]);
  assert.ok(shared.programs.postlude?.operations.every(({ options }) => options.always));
  assert.is(compile({ spec: { hostPID: true } }).cloneFlags, K.CLONE_NEWNS);
});

const mayTrace = { securityContext: { capabilities: { add: ["sys_ptrace"] } } };

start("is born in the PID namespace whose /proc it mounts, also where it may be traced", () => {
  const { programs } = compile({ spec: { shareProcessNamespace: true }, container: mayTrace });
  inOrder(listing(programs.prelude), /^openat .*ns\/pid/, /^setns R3 536870912/);
  assert.ok(programs.postlude);
  const all = listing(programs.program);
  assert.not(all.some((line) => line.startsWith("DIVIDE") || line.startsWith("setns R3")));
});

start("searches PATH in order and reports the last failure", () => {
  const env = [{ name: "PATH", value: "/a:relative::/b/:/a" }];
  const { operations } = compile({ container: { command: ["run"], env } }).programs.program;
  const calls = operations.filter(({ name }) => name === "execve");
  assert.equal(
    calls.map(({ options }) => options.tolerate?.length),
    [3, 0],
  );
  const all = lines({ container: { command: ["run"], env } });
  inOrder(all, /^execve "\/a\/run" \["run"\]/, /^execve "\/b\/run"/);
  const direct = lines({ container: { command: ["./run", "x"], env } });
  assert.is(direct.filter((line) => line.startsWith("execve")).length, 1);
  assert.match(direct.at(-1) ?? "", /^execve "\.\/run" \["\.\/run", "x"\]/);
});

start.run();

const exec = suite("compileExec()");

exec("gets the sandbox of the container's first process, operation by operation", () => {
  for (const changes of [
    {},
    { container: { securityContext: { privileged: true } } },
    { container: { securityContext: { allowPrivilegeEscalation: true } } },
    { container: { securityContext: { capabilities: { drop: ["ALL"] } } } },
    { input: { imageUser: { uid: 5, gid: 6, groups: [6, 7], name: "", home: "/" } } },
  ] satisfies InputChanges[]) {
    const container = plan(changes);
    const process = planExec(container, { command: ["id"], tty: false, stdin: false });
    const drops = (all: readonly string[]): string[] =>
      all
        .slice(find(all, /^prlimit64 0 7 0 /), find(all, /^execve /))
        .filter((line) => !/^(?:RELOC|LOAD|STORE) /.test(line) && !/R\d+/.test(line));
    const ofContainer = drops(listing(compileContainer(container).programs.program));
    const ofExec = drops(listing(compileExec(process).programs.program));
    assert.ok(ofExec.length > 10);
    assert.equal(ofExec, ofContainer);
  }
});

exec("divides last where it may be traced", () => {
  const request = { command: ["id"], tty: true, stdin: false };
  const { programs } = compileExec(planExec(plan({ container: mayTrace }), request));
  assert.is(programs.postlude, undefined);
  assert.not(listing(programs.prelude).some((line) => line.startsWith("setns ")));
  const all = listing(programs.program).filter((line) => !line.startsWith("RELOC "));
  inOrder(all, /^setns R3 536870912$/, /^prctl 4 0/, /^setns 3 /, /^close_range 3 /, /^seccomp /);
  const end = all.slice(find(all, /^seccomp /) + 1).map((line) => line.split(" ")[0]);
  assert.equal([...new Set(end)], ["DIVIDE", "setsid", "ioctl", "execve"]);
});

exec("divides only where somebody in its PID namespace may trace it", () => {
  const request = { command: ["id"], tty: false, stdin: false };
  const divides = (changes: InputChanges) =>
    listing(compileExec(planExec(plan(changes), request)).programs.program).some((line) =>
      line.startsWith("DIVIDE"),
    );
  const neighbour = { name: "tools", image: "busybox", ...mayTrace };
  const containers = [{ name: "web", image: "busybox" }, neighbour];
  assert.ok(divides({ spec: { containers } }));
  assert.ok(divides({ spec: { initContainers: [neighbour] } }));
  // The host's namespace has worse; users of its own have no such capability.
  assert.not(divides({ spec: { hostPID: true, containers } }));
  const users = { namespace: "/run/1f/userns", base: 655_360 };
  assert.not(divides({ spec: { containers }, input: { users } }));
  assert.not(divides({}));
});

exec("joins by pidfd and looks at nothing but the working directory afterwards", () => {
  const process = planExec(plan({ container: { workingDir: "/srv" } }), {
    command: ["id"],
    tty: false,
    stdin: true,
  });
  const { programs, cloneFlags } = compileExec(process);
  assert.is(cloneFlags, 0);
  const all = listing(programs.program);
  inOrder(all, /^dup3 R3 3/, /^close_range 4/, /^setns 3 33685504$/, /^openat2 R\d+ "\/srv"/);
  const after = all.slice(find(all, /^setns/));
  const opened = after.filter((line) => /^open/.test(line));
  assert.is(opened.length, 2);
});

exec("runs a program of ours in the same sandbox, opened while paths are the host's", () => {
  const request = { command: ["copy", "x"], tty: false, stdin: true, binary: "/proc/1/fd/9" };
  const all = listing(compileExec(planExec(plan(), request)).programs.program);
  inOrder(all, /"\/proc\/1\/fd\/9"/, /^setns 3/, /^fchdir/, /^keyctl/, /^execveat/);
  assert.ok(all.some((line) => /^dup3 R\d+ 3 /.test(line)));
  assert.is(all.filter((line) => line.startsWith("close_range 4 ")).length, 2);
  // No variable of the container, and nothing is searched along its PATH.
  assert.match(all.at(-1) ?? "", /^execveat 3 "" /);
  assert.not(all.some((line) => line.startsWith("execve ")));
  const usual = planExec(plan(), { command: ["copy", "x"], tty: false, stdin: true });
  const drops = (lines: readonly string[]): readonly string[] =>
    lines.slice(find(lines, /^keyctl/));
  const isExec = (line: string): boolean => /^(?:execve|RELOC)/.test(line);
  const sandbox = drops(all).filter((line) => !isExec(line));
  const usualSandbox = drops(listing(compileExec(usual).programs.program));
  assert.equal(
    sandbox,
    usualSandbox.filter((line) => !isExec(line)),
  );
});

exec("has a terminal of the container's devpts", () => {
  const process = planExec(plan(), { command: ["sh"], tty: true, stdin: true });
  const { prelude, program } = compileExec(process).programs;
  inOrder(listing(prelude), /^setns R3/, /^openat R4 "ptmx"/);
  assert.not(listing(prelude).some((line) => line.startsWith("fsopen")));
  assert.ok(find(listing(program), /^ioctl 0 \d+ 0$/));
  assert.ok(process.environment.includes("TERM=xterm"));
});

exec.run();

const reaper = suite("compileReaper()");

reaper("has no file system, no descriptor, no capability and a user of its own", () => {
  const { programs, cloneFlags } = compileReaper(9);
  assert.is(cloneFlags, K.CLONE_NEWNS | K.CLONE_NEWPID);
  inOrder(
    listing(programs.program),
    /^mount "none" "\/proc" "tmpfs"/,
    /^pivot_root/,
    /^umount2/,
    /^close_range 0 4294967295 4$/,
    /^setresuid 65534/,
    /^capset .*effective=0x0/,
    /^prctl 38 1/,
    /^execveat R\d+ "" \["nspod-reaper"\] \[\]/,
  );
});

reaper.run();
