/**
 * Compiles a plan into the programs that start a container.
 *
 *   prelude    in the shim: join the pod's PID namespace for children, make devpts and the terminal
 *   program    in the new child: overlay root, /proc /sys /dev, volumes, masks, pivot_root, privileges, execve
 *   postlude   in the shim: leave the PID namespace again
 *
 * The child is born in the PID namespace whose /proc it mounts: the kernel takes that of the one who mounts.
 *
 * Pure: nothing is decided here, the plan has decided. Registers 0..7 are shared with the shim (terminal.ts).
 */
import { K } from "../sys/abi.ts";
import { Program, registerCount } from "../sys/program.ts";
import { type Begin, beginAnew } from "./beginnings.ts";
import { bindMount, cloneEarly } from "./bind-mounts.ts";
import { execute } from "./execute.ts";
import { makeDirectories } from "./in-root.ts";
import { maskPaths, mountDev, mountProc, mountSys } from "./kernel-filesystems.ts";
import { setAttributes } from "./mount-calls.ts";
import type { ContainerPlan } from "./plan.ts";
import { enterPidNamespace, leavePidNamespace } from "./process-namespace.ts";
import { changeRoot, mountRoot } from "./root-filesystem.ts";
import { dropPrivileges, enterProcess, leadSession } from "./sandbox.ts";
import {
  keptFd,
  makeDevpts,
  openTerminal,
  ownStreams,
  shared,
  sharedRegisterCount,
  takeStreams,
} from "./terminal.ts";
import { keepUsers, makeFilesAs, openUsers, usersFd } from "./user-namespace.ts";

export interface Programs {
  readonly prelude?: Program;
  readonly program: Program;
  readonly postlude?: Program;
}

export interface CompiledProcess {
  readonly programs: Programs;
  /** CLONE_NEW* of the child. */
  readonly cloneFlags: number;
}

/** The programs that start a container. @param begin - may remember their beginnings */
export function compileContainer(plan: ContainerPlan, begin: Begin = beginAnew): CompiledProcess {
  const joins = plan.pidNamespace === "pod";
  const prelude = new Program(`container "${plan.name}", before the start`, sharedRegisterCount);
  if (joins) enterPidNamespace(prelude, "spec.shareProcessNamespace");
  makeDevpts(prelude, plan.users?.base);
  if (plan.tty) openTerminal(prelude, plan.field);
  const postlude = new Program(`container "${plan.name}", after the start`, sharedRegisterCount);
  if (joins) leavePidNamespace(postlude);
  return {
    programs: { prelude, program: compileStart(plan, begin), ...(joins ? { postlude } : {}) },
    cloneFlags: K.CLONE_NEWNS | (plan.pidNamespace === "container" ? K.CLONE_NEWPID : 0),
  };
}

function compileStart(plan: ContainerPlan, begin: Begin): Program {
  const { argv, environment, ...rest } = plan;
  const program = new Program(titleOf(plan), registerCount, begin(rest, compileBeginning));
  execute(program, argv, environment, `${plan.field}.command`);
  return program;
}

function compileBeginning(plan: Omit<ContainerPlan, "argv" | "environment">): Program {
  const { field, users } = plan;
  const program = new Program(titleOf(plan), sharedRegisterCount);
  takeStreams(program, shared.devpts);
  enterProcess(program, plan);
  leadSession(program, field, plan.tty);
  if (users) {
    openUsers(program, users);
    makeFilesAs(program, users.base);
  }
  // Modes of what is made below are as written.
  program.from("before the sandbox").call("umask", [0]);
  program.from("cgroup namespace");
  // Here and not by clone3, which would take the cgroup of the shim as its root.
  program.call("unshare", [K.CLONE_NEWCGROUP]);
  const early = cloneEarly(program, plan.mounts);
  program.from("mount namespace");
  program.call("mount", ["none", "/", 0, K.MS_REC | K.MS_PRIVATE, 0]);

  const { root, empty } = mountRoot(program, plan.rootFilesystem, users ? usersFd + 1 : keptFd + 1);
  const proc = mountProc(program, root);
  const sys = mountSys(program, root, plan.privileged);
  const dev = mountDev(program, root, {
    devptsFd: keptFd,
    shmFolder: plan.shmFolder,
    devices: plan.devices,
    tty: plan.tty,
    field,
  });
  // Before the volumes, of which one may cover /dev/null: only our own nodes are used here.
  if (plan.masksPaths) maskPaths(program, { proc, sys, dev, empty }, plan.cpuNames);
  if (!plan.stdin && !plan.tty) {
    program.from("standard input without stdin");
    const nothing = program.open("openat", [dev, "null", K.O_RDWR | K.O_CLOEXEC]);
    program.call("dup3", [nothing, 0, 0]);
    program.close(nothing);
  }
  for (const mount of plan.mounts) bindMount(program, root, mount, early.get(mount));

  ownStreams(program, (users?.base ?? 0) + plan.user.uid, plan);
  program.from(`${field}.workingDir`);
  const workingDir = makeDirectories(program, root, plan.workingDir, 0o755);
  if (plan.rootFilesystem.readOnly) {
    program.from(`${field}.securityContext.readOnlyRootFilesystem`);
    setAttributes(program, root, { set: K.MOUNT_ATTR_RDONLY });
  }
  changeRoot(program, root);
  // By descriptor, opened inside the root: no WORKDIR of an image leads elsewhere (CVE-2024-21626).
  program.from(`${field}.workingDir`).call("fchdir", [workingDir]);
  if (users) keepUsers(program);
  program.from("no descriptor but the standard streams");
  program.call("close_range", [users ? keptFd + 1 : keptFd, 0xffff_ffff, 0]);
  dropPrivileges(program, plan, { ownMounts: true });
  return program;
}

function titleOf({ name }: Pick<ContainerPlan, "name">): string {
  return `container "${name}"`;
}
