/**
 * Starts a further process in a container that runs: exec, probes, hooks.
 *
 * It gets the sandbox of the container's first process by the same function; only command, terminal and variables
 * are its own (security: R6, ESC-06). The child is born in the container's PID namespace (or divides into it, see
 * process-namespace.ts), joins its mount and cgroup namespaces by pidfd, and lives in the pod's others, as the shim does.
 */
import { K } from "../sys/abi.ts";
import { Program, type Register, registerCount } from "../sys/program.ts";
import { type Begin, beginAnew } from "./beginnings.ts";
import type { CompiledProcess } from "./compile.ts";
import { execute } from "./execute.ts";
import { openInRoot } from "./in-root.ts";
import type { ContainerPlan } from "./plan.ts";
import {
  divideIntoPidNamespace,
  enterPidNamespace,
  leavePidNamespace,
} from "./process-namespace.ts";
import { dropPrivileges, enterProcess, leadSession, type Sandbox } from "./sandbox.ts";
import {
  keptFd,
  openTerminal,
  ownStreams,
  shared,
  sharedRegisterCount,
  takeStreams,
} from "./terminal.ts";
import { keepUsers, openUsers } from "./user-namespace.ts";

export interface ExecRequest {
  readonly command: readonly string[];
  readonly tty: boolean;
  readonly stdin: boolean;
  /** A program of ours on the host that runs instead of what argv names: nothing of the image's is needed. */
  readonly binary?: string;
}

export interface ExecPlan extends Sandbox {
  readonly name: string;
  readonly argv: readonly string[];
  readonly environment: readonly string[];
  readonly workingDir: string;
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly binary?: string;
  readonly pidNamespace: ContainerPlan["pidNamespace"];
  readonly mayBeTraced: boolean;
}

/** Plans a process in the container; the request can choose nothing of the sandbox. */
export function planExec(container: ContainerPlan, request: ExecRequest): ExecPlan {
  const { environment } = container;
  const hasTerm = environment.some((line) => line.startsWith("TERM="));
  return {
    field: container.field,
    user: container.user,
    capabilities: container.capabilities,
    noNewPrivileges: container.noNewPrivileges,
    seccomp: container.seccomp,
    appArmor: container.appArmor,
    users: container.users,
    limits: container.limits,
    oomScoreAdj: container.oomScoreAdj,
    name: container.name,
    argv: request.command,
    environment: request.tty && !hasTerm ? [...environment, "TERM=xterm"] : environment,
    workingDir: container.workingDir,
    tty: request.tty,
    stdin: request.stdin,
    ...(request.binary === undefined ? {} : { binary: request.binary }),
    pidNamespace: container.pidNamespace,
    mayBeTraced: container.mayBeTraced,
  };
}

/** The programs of the process; START's target is the container. @param begin - may remember their beginnings */
export function compileExec(plan: ExecPlan, begin: Begin = beginAnew): CompiledProcess {
  const joins = plan.pidNamespace !== "host" && !plan.mayBeTraced;
  const title = titleOf(plan);
  const prelude = new Program(`${title}, before the start`, sharedRegisterCount);
  if (joins) enterPidNamespace(prelude, ownPids);
  if (plan.tty) openTerminal(prelude, "exec");
  const postlude = new Program(`${title}, after the start`, sharedRegisterCount);
  if (joins) leavePidNamespace(postlude);
  return {
    programs: { prelude, program: compileProcess(plan, begin), ...(joins ? { postlude } : {}) },
    cloneFlags: 0,
  };
}

const ownPids = "PID namespace of the container";

function compileProcess(plan: ExecPlan, begin: Begin): Program {
  const { argv, environment, ...rest } = plan;
  const program = new Program(titleOf(plan), registerCount, begin(rest, compileBeginning));
  if (plan.binary === undefined) execute(program, argv, environment, "exec");
  else executeBinary(program, ownBinary(plan), argv);
  return program;
}

function compileBeginning(plan: Omit<ExecPlan, "argv" | "environment">): Program {
  const program = new Program(titleOf(plan), sharedRegisterCount);
  if (plan.mayBeTraced) divideIntoPidNamespace(program, ownPids);
  takeStreams(program, shared.target);
  enterProcess(program, plan);
  if (!plan.mayBeTraced) leadSession(program, "exec", plan.tty);
  if (plan.users) openUsers(program, plan.users);
  // While paths are still the host's.
  const binary = plan.binary === undefined ? undefined : openBinary(program, plan.binary);
  program.from("namespaces of the container");
  program.call("setns", [keptFd, K.CLONE_NEWNS | K.CLONE_NEWCGROUP]);
  ownStreams(program, (plan.users?.base ?? 0) + plan.user.uid, plan);
  // setns has made the container's root ours; from here on nothing is opened but the working directory.
  program.from(`${plan.field}.workingDir`);
  const root = program.open("openat", [K.AT_FDCWD, "/", K.O_PATH | K.O_DIRECTORY | K.O_CLOEXEC]);
  const folder = openInRoot(program, root, plan.workingDir, { flags: K.O_PATH | K.O_DIRECTORY });
  program.call("fchdir", [folder]);
  if (plan.users) keepUsers(program);
  program.from("no descriptor but the standard streams");
  const free = ownBinary(plan);
  if (binary !== undefined) {
    // EINVAL: it is that number already.
    program.call("dup3", [binary, free, K.O_CLOEXEC], { tolerate: ["EINVAL"] });
  }
  program.call("close_range", [binary === undefined ? free : free + 1, 0xffff_ffff, 0]);
  dropPrivileges(program, plan);
  if (plan.mayBeTraced) leadSession(program.divide(), "exec", plan.tty);
  return program;
}

function titleOf({ name }: Pick<ExecPlan, "name">): string {
  return `process in container "${name}"`;
}

/** Number of the descriptor of `binary`, the first that is free. */
function ownBinary({ users }: Pick<ExecPlan, "users">): number {
  return users ? keptFd + 1 : keptFd;
}

function openBinary(program: Program, path: string): Register {
  return program
    .from("program of nspod")
    .open("openat", [K.AT_FDCWD, path, K.O_RDONLY | K.O_CLOEXEC]);
}

/** Without variables: those of the container are hostile to a program that is not its own. */
function executeBinary(program: Program, descriptor: number, argv: readonly string[]): void {
  program.from("program of nspod");
  const words = program.pointers(argv);
  program.call("execveat", [descriptor, "", words, program.pointers([]), K.AT_EMPTY_PATH]);
}

/** A user that owns nothing: nobody. */
const nobody = 65_534;

/**
 * The first process of a PID namespace that a pod's containers share.
 *
 * Containers see it, and root in one of them could look through /proc/1/root: so it has no file system at all, no
 * descriptor, no capability and a user of its own.
 * @param reaperFd - descriptor of nspod-reaper (best a sealed memfd) in the process that clones
 */
export function compileReaper(reaperFd: number): CompiledProcess {
  const program = new Program("reaper", sharedRegisterCount);
  program.from("spec.shareProcessNamespace");
  program.call("prctl", [K.PR_SET_DUMPABLE, 0, 0, 0, 0]);
  const reaper = program.open("fcntl", [reaperFd, K.F_DUPFD_CLOEXEC, 0]);
  program.call("setsid", []);
  program.call("mount", ["none", "/", 0, K.MS_REC | K.MS_PRIVATE, 0]);
  const flags = K.MS_RDONLY | K.MS_NOSUID | K.MS_NODEV | K.MS_NOEXEC;
  program.call("mount", ["none", "/proc", "tmpfs", flags, "size=0,nr_inodes=1,mode=555"]);
  program.call("chdir", ["/proc"]);
  program.call("pivot_root", [".", "."]);
  program.call("umount2", [".", K.MNT_DETACH]);
  program.call("chdir", ["/"]);
  // Close-on-exec, because the program itself is executed by descriptor.
  program.call("close_range", [0, 0xffff_ffff, K.CLOSE_RANGE_CLOEXEC]);
  dropPrivileges(program, {
    field: "reaper",
    user: { uid: nobody, gid: nobody, groups: [] },
    capabilities: [],
    noNewPrivileges: true,
    seccomp: undefined,
    limits: [],
    oomScoreAdj: 0,
  });
  const argv = program.pointers(["nspod-reaper"]);
  program.call("execveat", [reaper, "", argv, program.pointers([]), K.AT_EMPTY_PATH]);
  return { programs: { program }, cloneFlags: K.CLONE_NEWNS | K.CLONE_NEWPID };
}
