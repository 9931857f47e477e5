// Starts containers without daemon and shim: this process replays prelude and postlude and clones the child itself.
// Invariant: close() kills and collects what it started and removes its folder and cgroup.
import { execFileSync } from "node:child_process";
import {
  closeSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readOwnCapabilities } from "../../src/container/capabilities.ts";
import { type CompiledProcess, compileContainer } from "../../src/container/compile.ts";
import { listCpuNames, listHostDevices } from "../../src/container/devices.ts";
import type { ImageDefaults } from "../../src/container/image-defaults.ts";
import { type ContainerPlan, type PlanInput, planContainer } from "../../src/container/plan.ts";
import { defaultSeccomp } from "../../src/container/seccomp.ts";
import { ensureSkeleton, skeletonFolder } from "../../src/container/skeleton.ts";
import { resolveUser, userRequest } from "../../src/container/user.ts";
import type { Container, Pod, PodSpec } from "../../src/spec/pod.ts";
import type { PreparedVolume } from "../../src/spec/prepared-volume.ts";
import { K } from "../../src/sys/abi.ts";
import { attachDevicePolicy } from "../../src/sys/bpf.ts";
import { run, spawn, tryRun } from "../../src/sys/ffi.ts";
import { Program } from "../../src/sys/program.ts";
import { eventually } from "./eventually.ts";
import { cgroup2MountPoint } from "./requires.ts";

export interface ContainerRequest {
  readonly container?: Partial<Container>;
  readonly spec?: Partial<PodSpec>;
  readonly image?: Partial<ImageDefaults>;
  readonly volumes?: readonly PreparedVolume[];
  /** Folders above the busybox layer, lowest first. */
  readonly layers?: readonly string[];
  /** pidfd of the process whose PID namespace is joined. */
  readonly target?: number;
}

export class RunningProcess {
  readonly plan: ContainerPlan;
  readonly pid: number;
  readonly #outputPath: string;
  /** Of the terminal, with tty. */
  readonly master: number;
  readonly devpts: number;

  constructor(plan: ContainerPlan, pid: number, outputPath: string, registers: readonly number[]) {
    this.plan = plan;
    this.pid = pid;
    this.#outputPath = outputPath;
    this.devpts = registers[4] ?? -1;
    this.master = registers[5] ?? -1;
  }

  /** What it has written so far. */
  get output(): string {
    return readFileSync(this.#outputPath, "utf8");
  }
}

export class SandboxHost {
  readonly folder: string = mkdtempSync(join(tmpdir(), "nspod-sandbox-"));
  readonly layer: string = join(this.folder, "layer");
  readonly cgroup: string;
  readonly #pids = new Set<number>();
  readonly #fds = new Set<number>();
  #count = 0;

  constructor() {
    const bin = join(this.layer, "bin");
    mkdirSync(bin, { recursive: true });
    copyFileSync("/bin/busybox", join(bin, "busybox"));
    const applets = execFileSync("/bin/busybox", ["--list"], { encoding: "utf8" });
    for (const name of applets.split("\n")) {
      if (name !== "" && name !== "busybox") symlinkSync("busybox", join(bin, name));
    }
    mkdirSync(join(this.layer, "etc"));
    writeFileSync(
      join(this.layer, "etc/passwd"),
      "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\n",
    );
    writeFileSync(join(this.layer, "etc/group"), "root:x:0:\napp:x:1001:\nextra:x:2000:app\n");
    this.cgroup = join(cgroup2MountPoint() ?? "", `nspod-test-${process.pid}`);
    mkdirSync(this.cgroup);
  }

  /** A folder for a test to fill. */
  newFolder(name: string): string {
    const path = join(this.folder, `${this.#count++}-${name}`);
    mkdirSync(path, { recursive: true });
    return path;
  }

  plan(script: string, request: ContainerRequest = {}): ContainerPlan {
    const folder = this.newFolder("container");
    for (const name of ["upper", "work", "root"]) mkdirSync(join(folder, name));
    ensureSkeleton(this.folder);
    const file = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const container: Container = {
      name: "web",
      image: "busybox",
      command: ["/bin/sh", "-c", script],
      ...request.container,
    };
    const pod: Pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "pod", namespace: "default", uid: "1f" },
      spec: { containers: [container], ...request.spec },
    };
    const layers = [this.layer, ...(request.layers ?? [])];
    const image: ImageDefaults = {
      entrypoint: [],
      cmd: [],
      env: [],
      user: "",
      workingDir: "",
      volumes: [],
      ...request.image,
    };
    const wanted = userRequest(pod.spec.securityContext, container.securityContext);
    const input: PlanInput = {
      pod,
      container,
      list: "containers",
      index: 0,
      image,
      imageUser: resolveUser(layers, image.user, wanted),
      layers,
      skeleton: skeletonFolder(this.folder),
      folder,
      mountPoint: join(folder, "root"),
      files: {
        hosts: file("hosts", "127.0.0.1 localhost\n"),
        hostname: file("hostname", "pod\n"),
        resolvConf: file("resolv.conf", "nameserver 10.0.0.1\n"),
        terminationLog: file("log", ""),
      },
      volumes: new Map((request.volumes ?? []).map((volume) => [volume.name, volume])),
      shmFolder: undefined,
      hostname: "pod",
      nodeMemoryBytes: 2 ** 30,
      hostDevices: listHostDevices(),
      nodeCapabilities: readOwnCapabilities(),
      cpuNames: listCpuNames(),
      seccomp: (capabilities) => ({
        program: defaultSeccomp(capabilities, join(this.folder, "seccomp")),
        logs: false,
      }),
    };
    return planContainer(input);
  }

  /** Starts a shell script as a container. */
  start(script: string, request: ContainerRequest = {}): RunningProcess {
    const plan = this.plan(script, request);
    attachDevicePolicy(this.cgroup, plan.deviceRules);
    return this.launch(plan, compileContainer(plan), request.target ?? -1, -1);
  }

  /** Replays prelude, program and postlude as a shim does. */
  launch(
    plan: ContainerPlan,
    compiled: CompiledProcess,
    target: number,
    devpts: number,
  ): RunningProcess {
    const { prelude, program, postlude } = compiled.programs;
    const outputPath = join(this.newFolder("process"), "output");
    const output = openSync(outputPath, "w");
    const nothing = openSync("/dev/null", "r+");
    const cgroup = openSync(this.cgroup, "r");
    const preset = [nothing, output, output, target, devpts, -1, -1, -1];
    let registers: readonly number[] = preset;
    try {
      if (prelude) registers = run("prelude", prelude, preset).registers.slice(0, 8).map(Number);
      const { pid } = spawn(`Cannot start container "${plan.name}"`, program, {
        cloneFlags: compiled.cloneFlags,
        cgroupFd: cgroup,
        input: registers,
      });
      this.#pids.add(pid);
      return new RunningProcess(plan, pid, outputPath, registers);
    } finally {
      // Also after a failure, like a shim.
      if (postlude) tryRun(postlude, registers);
      for (const fd of new Set([nothing, output, cgroup])) closeSync(fd);
      for (const fd of new Set(registers.slice(0, 3))) {
        if (fd !== nothing && fd !== output) closeSync(fd);
      }
      for (const fd of registers.slice(4, 6)) if (fd >= 0 && fd !== devpts) this.#fds.add(fd);
    }
  }

  /** Waits for the end; the wait status as wait(2) gives it. */
  async wait(running: RunningProcess): Promise<number> {
    const status = await eventually(`process ${running.pid} to end`, 10_000, () => {
      const program = new Program("wait");
      const bytes = program.buffer(8);
      const ended = program.open("wait4", [running.pid, bytes, K.WNOHANG, 0]);
      const done = run("Cannot wait", program);
      return done.registers[ended.number] === 0n
        ? undefined
        : program.bytesOf(done.encoded, bytes).readInt32LE(0);
    });
    this.#pids.delete(running.pid);
    return status;
  }

  /** Runs a script to its end; fails unless its exit status is 0. */
  async output(script: string, request: ContainerRequest = {}): Promise<string> {
    const running = this.start(script, request);
    const status = await this.wait(running);
    if (status !== 0) throw new Error(`wait status ${status}: ${running.output}`);
    return running.output;
  }

  /** A pidfd that close() closes. */
  pidfd(pid: number): number {
    const program = new Program("pidfd");
    const fd = program.open("pidfd_open", [pid, 0]);
    const number = Number(run("Cannot open a pidfd", program).registers[fd.number]);
    this.#fds.add(number);
    return number;
  }

  async close(): Promise<void> {
    for (const pid of this.#pids) {
      process.kill(pid, "SIGKILL");
      const program = new Program("wait");
      program.call("wait4", [pid, 0, 0, 0]);
      tryRun(program);
    }
    this.#pids.clear();
    for (const fd of this.#fds) closeSync(fd);
    this.#fds.clear();
    await eventually("the test's cgroup to be empty", 5000, () => {
      rmdirSync(this.cgroup);
      return true;
    });
    rmSync(this.folder, { recursive: true, force: true });
  }
}
