/**
 * Tries what pods need of the kernel, cheaply and without a trace: what changes something runs in a
 * child with namespaces of its own, which end with it.
 *
 * A probe gives undefined when it worked, else the sentence why not.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../base/errors.ts";
import { K } from "./abi.ts";
import { assembleDevicePolicy, loadPolicy } from "./bpf.ts";
import { loadLibrary, run, spawn } from "./ffi.ts";
import { compileRequest, openNetlink } from "./netlink.ts";
import { Nftables } from "./nftables.ts";
import { Program } from "./program.ts";
import { newBridge, newVethPair } from "./rtnetlink.ts";

export interface ProbeResults {
  readonly namespaces: string | undefined;
  readonly overlay: string | undefined;
  readonly links: string | undefined;
  readonly nftables: string | undefined;
  readonly seccomp: string | undefined;
  readonly devicePolicy: string | undefined;
}

/** @param folder - an existing folder on the file system that will hold container roots. */
export function probeKernel(folder: string): ProbeResults {
  return {
    namespaces: reasonOf(probeNamespaces),
    overlay: reasonOf(() => probeOverlay(folder)),
    links: reasonOf(probeLinks),
    nftables: reasonOf(probeNftables),
    seccomp: reasonOf(probeSeccomp),
    devicePolicy: reasonOf(probeDevicePolicy),
  };
}

function reasonOf(probe: () => void): string | undefined {
  try {
    probe();
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

function probeNamespaces(): void {
  const cloneFlags =
    K.CLONE_NEWNS |
    K.CLONE_NEWPID |
    K.CLONE_NEWNET |
    K.CLONE_NEWIPC |
    K.CLONE_NEWUTS |
    K.CLONE_NEWCGROUP;
  spawn("Cannot create namespaces", new Program("namespaces"), { cloneFlags });
}

/** A real overlay with upper and work folders where container roots will be. */
function probeOverlay(folder: string): void {
  const place = mkdtempSync(join(folder, ".nspod-doctor-"));
  try {
    const names = ["lower", "upper", "work", "merged"] as const;
    for (const name of names) mkdirSync(join(place, name));
    const [lower, upper, work, merged] = names.map((name) => join(place, name));
    const options = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
    const program = new Program("overlay");
    // Nothing that is mounted here may reach the host.
    program.call("mount", [0, "/", 0, K.MS_REC | K.MS_PRIVATE, 0]);
    program.call("mount", ["overlay", merged ?? "", "overlay", 0, options]);
    program.call("setxattr", [merged ?? "", "trusted.nspod", "1", 1, 0]);
    spawn(`Cannot mount an overlay in "${folder}"`, program, { cloneFlags: K.CLONE_NEWNS });
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

function probeLinks(): void {
  const program = new Program("bridge and veth");
  const own = program.open("openat", [
    K.AT_FDCWD,
    "/proc/thread-self/ns/net",
    K.O_RDONLY | K.O_CLOEXEC,
  ]);
  const socket = openNetlink(program);
  compileRequest(program, socket, newBridge("probe0"));
  compileRequest(
    program,
    socket,
    newVethPair({ name: "probe1", peer: { name: "probe2", namespace: own } }),
  );
  spawn("Cannot create a bridge and a veth pair", program, { cloneFlags: K.CLONE_NEWNET });
}

function probeNftables(): void {
  using nftables = new Nftables();
  nftables.list("Cannot list packet rules", "list tables");
}

function probeSeccomp(): void {
  // SAFETY: seccomp_version() takes nothing and returns a constant struct that is not read here.
  // BLOCKS: never.
  loadLibrary("libseccomp.so.2", { seccomp_version: ["pointer", []] });
}

function probeDevicePolicy(): void {
  const program = new Program("device policy");
  program.close(loadPolicy(program, assembleDevicePolicy([])));
  run("Cannot load a device policy", program);
}
