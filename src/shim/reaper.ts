/**
 * Programs of the reaper: PID 1 of a PID namespace that the containers of a pod share. They can see
 * it, and /proc/1/root would be a door to the host's files, so it gets an empty root, an unprivileged
 * user and no capability before it is exec'ed.
 */
import { K } from "../sys/abi.ts";
import { Program, register } from "../sys/program.ts";
import type { ProcessPrograms } from "./failure.ts";
import { reaperFdInShim } from "./launch.ts";

/** Id under which the shim knows it; containers name it as their `target`. */
export const reaperId = "reaper";

/** User and group "nobody": owns nothing. */
const nobody = 65534;

export interface ReaperPrograms {
  readonly programs: ProcessPrograms;
  readonly cloneFlags: number;
}

/** For `ShimClient.start()`, with `id: reaperId` and no log. */
export function compileReaper(): ReaperPrograms {
  const program = new Program("reaper of the shared PID namespace", 8);
  program.from("reaper streams");
  for (const stream of [0, 1, 2]) program.call("dup3", [register(stream), stream, 0]);
  program.call("setsid", []);
  program.from("reaper root");
  // Nothing that is mounted below may reach the shim's mounts, and pivot_root refuses shared ones.
  program.call("mount", ["none", "/", 0, K.MS_REC | K.MS_PRIVATE, 0]);
  const flags = K.MS_NOSUID | K.MS_NODEV | K.MS_NOEXEC | K.MS_RDONLY;
  // Over /proc, because every system has it; nothing is ever looked up in it.
  program.call("mount", ["none", "/proc", "tmpfs", flags, "size=4k,nr_inodes=2,mode=0555"]);
  program.call("chdir", ["/proc"]);
  program.call("pivot_root", [".", "."]);
  // Both roots are stacked at "." now, and the old one is on top: pivot_root(2), NOTES.
  program.call("umount2", [".", K.MNT_DETACH]);
  program.call("chdir", ["/"]);
  program.from("reaper privileges");
  for (let capability = 0; capability <= K.CAP_LAST_CAP; capability++) {
    // EINVAL: the kernel is older than the headers and does not know the last ones.
    program.call("prctl", [K.PR_CAPBSET_DROP, capability, 0, 0, 0], { tolerate: ["EINVAL"] });
  }
  program.call("setgroups", [0, 0]);
  program.call("setresgid", [nobody, nobody, nobody]);
  // Last of the ids: without CAP_SETGID the two before would fail. Drops all capabilities.
  program.call("setresuid", [nobody, nobody, nobody]);
  program.call("prctl", [K.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0]);
  program.from("reaper start");
  // The reaper's binary closes itself at the exec; all others go before it.
  program.call("close_range", [3, reaperFdInShim - 1, 0]);
  program.call("close_range", [reaperFdInShim + 1, 0xffff_ffff, 0]);
  const argv = program.pointers(["nspod-reaper"]);
  program.call("execveat", [reaperFdInShim, "", argv, program.pointers([]), K.AT_EMPTY_PATH]);
  return { programs: { program }, cloneFlags: K.CLONE_NEWPID | K.CLONE_NEWNS | K.CLONE_NEWCGROUP };
}
