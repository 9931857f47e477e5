// States what a test file (or one test) needs of the machine, and skips with a printed reason.
// Invariant: nothing is skipped in silence. Every skip prints "SKIP need: reason"; with CI=true a
// skip that allowed-skips.txt does not list for this place (host or guest) is a failure.
import { accessSync, constants, existsSync, readFileSync, statSync } from "node:fs";
import { release } from "node:os";
import { delimiter, join } from "node:path";

/**
 * One condition of a test:
 * `root` · `guest` (a machine of its own, which may be reset) · `cgroup2:memory` (controller of the v2 tree) · `kvm` · `tool:umoci` (in PATH) ·
 * `kernel:6.8` (at least) · `file:/dev/fuse` · `arch:x64` · `kubectl:1.20` (fetched by `make kubectls`).
 */
export type Need =
  | "root"
  | "kvm"
  | "guest"
  | `cgroup2:${string}`
  | `tool:${string}`
  | `kernel:${string}`
  | `file:${string}`
  | `kubectl:${string}`
  | `arch:${string}`;

interface TestLike {
  (name: string, body: (context: never) => Promise<void> | void): void;
  skip(name?: string): void;
}

/**
 * Ends this test file (exit status 0) with a printed reason when the machine lacks something.
 * Call it first in the file: the runner gives every file a process of its own.
 */
export function requires(...needs: readonly Need[]): void {
  const missing = firstMissing(needs);
  if (missing === undefined) return;
  report(missing);
  process.exit(0);
}

/**
 * The same for single tests: returns a function to register them with, which skips when a need is missing.
 * @example const limited = requiresFor(test, "cgroup2:memory"); limited("a hog is killed", …);
 */
export function requiresFor<T extends TestLike>(test: T, ...needs: readonly Need[]): T | TestLike {
  const missing = firstMissing(needs);
  if (missing === undefined) return test;
  const skipping = (name: string): void => {
    report(missing, name);
    test.skip(name);
  };
  return Object.assign(skipping, { skip: test.skip });
}

interface Missing {
  readonly need: Need;
  readonly reason: string;
}

/** The first need that this machine does not meet, or undefined. */
export function firstMissing(needs: readonly Need[]): Missing | undefined {
  for (const need of needs) {
    const reason = whyMissing(need);
    if (reason !== undefined) return { need, reason };
  }
  return undefined;
}

function whyMissing(need: Need): string | undefined {
  const colon = need.indexOf(":");
  const kind = colon < 0 ? need : need.slice(0, colon);
  const value = colon < 0 ? "" : need.slice(colon + 1);
  switch (kind) {
    case "root":
      return process.getuid?.() === 0 ? undefined : "this test must run as root";
    case "guest":
      return place() === "guest" ? undefined : "this test needs a machine of its own";
    case "kvm":
      return canOpen("/dev/kvm") ? undefined : "/dev/kvm cannot be opened";
    case "file":
      return existsSync(value) ? undefined : `"${value}" does not exist`;
    case "kubectl":
      return existsSync(kubectlPath(value)) ? undefined : "no mirror had it (make kubectls)";
    case "tool":
      return inPath(value) ? undefined : `"${value}" is not in PATH`;
    case "arch":
      return process.arch === value ? undefined : `this machine is ${process.arch}`;
    case "kernel":
      return atLeast(release(), value) ? undefined : `the kernel is ${release()}`;
    case "cgroup2": {
      const controllers = cgroup2Controllers();
      if (controllers === undefined) return "no cgroup2 is mounted";
      return controllers.includes(value)
        ? undefined
        : `the cgroup2 tree has only the controllers "${controllers.join(" ")}"`;
    }
    default:
      throw new Error(`Unknown need "${need}" of a test`);
  }
}

/** Where `make kubectls` puts the kubectl of one version. */
export function kubectlPath(version: string): string {
  return join(import.meta.dirname, `../../dist/kubectl/${version}/usr/bin/kubectl`);
}

function report(missing: Missing, test?: string): void {
  const of = test === undefined ? "" : ` (test "${test}")`;
  process.stdout.write(`SKIP ${missing.need}: ${missing.reason}${of}\n`);
  if (process.env["CI"] === "true" && !allowedSkips().includes(missing.need)) {
    process.stdout.write(
      `FAIL test/support/allowed-skips.txt does not allow to skip "${missing.need}" in the ${place()}\n`,
    );
    process.exit(1);
  }
}

function place(): "guest" | "host" {
  return process.env["NSPOD_TEST_GUEST"] === "1" ? "guest" : "host";
}

function allowedSkips(): string[] {
  const text = readFileSync(join(import.meta.dirname, "allowed-skips.txt"), "utf8");
  const rows = text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(/\s+/));
  return rows.filter((row) => row[0] === place()).map((row) => row[1] ?? "");
}

function canOpen(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    // Missing or forbidden: both mean that the test cannot use it.
    return false;
  }
}

function inPath(tool: string): boolean {
  const folders = `${process.env["PATH"] ?? ""}${delimiter}/usr/sbin${delimiter}/sbin`;
  return folders.split(delimiter).some((folder) => {
    const stat = statSync(join(folder, tool), { throwIfNoEntry: false });
    return stat?.isFile() === true && (stat.mode & 0o111) !== 0;
  });
}

function atLeast(have: string, want: string): boolean {
  const [major = 0, minor = 0] = have.split(".").map((part) => Number.parseInt(part, 10));
  const [wantMajor = 0, wantMinor = 0] = want.split(".").map((part) => Number.parseInt(part, 10));
  return major > wantMajor || (major === wantMajor && minor >= wantMinor);
}

/** Controllers of the cgroup v2 tree wherever it is mounted; undefined when it is not. */
export function cgroup2Controllers(): string[] | undefined {
  const mountPoint = cgroup2MountPoint();
  if (mountPoint === undefined) return undefined;
  return readFileSync(join(mountPoint, "cgroup.controllers"), "utf8").split(/\s+/).filter(Boolean);
}

/** Where cgroup v2 is mounted, by mountinfo; undefined when it is not. */
export function cgroup2MountPoint(): string | undefined {
  const line = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .find((row) => row.includes(" - cgroup2 "));
  return line?.split(" ")[4];
}
