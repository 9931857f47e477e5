// A disk of its own for an instance: ext4 in a file, in a mount namespace that only its daemons and pods enter. Its
// kernel can give it up, as it does with a disk that reports an error: whatever is open becomes read-only and stays so
// until nobody uses it any more and it is mounted again.
import { readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { eventually } from "./eventually.ts";
import type { Instance } from "./instance.ts";
import { PrivateMount } from "./private-mount.ts";
import { cgroup2MountPoint } from "./requires.ts";
import { runCommand } from "./run-command.ts";

/** Enough that a node has no disk pressure; the file has holes. */
const size = "1G";

export class JournaledDisk implements AsyncDisposable {
  readonly #instance: Instance;
  readonly #image: string;
  #mount: PrivateMount;

  private constructor(instance: Instance, image: string, mount: PrivateMount) {
    this.#instance = instance;
    this.#image = image;
    this.#mount = mount;
  }

  /** Before the first daemon of the instance. */
  static async start(instance: Instance): Promise<JournaledDisk> {
    const image = join(instance.base, "disk");
    await must("truncate", "--size", size, image);
    await must("mkfs.ext4", "-q", "-F", "-m", "0", image);
    return new JournaledDisk(instance, image, await mount(instance, image));
  }

  /** The words before a command that runs it where the disk is. */
  get enter(): readonly string[] {
    return this.#mount.enter;
  }

  /** Where its files are seen from here. */
  get view(): string {
    return this.#mount.view;
  }

  /** From now on nothing of it can be written, by whomever. */
  async fail(): Promise<void> {
    const [file = "", ...args] = this.enter;
    await must(file, ...args, "mount", "-o", "remount,abort", this.#instance.root);
  }

  /** What a reboot does: ends all pods of the instance, whose daemon has ended, checks the disk and mounts it again. */
  async reboot(): Promise<void> {
    writeFileSync(join(cgroup2MountPoint() ?? "", this.#instance.cgroup, "cgroup.kill"), "1");
    await this[Symbol.asyncDispose]();
    // 1: errors were found and mended.
    const { code, stdout, stderr } = await runCommand("e2fsck", ["-f", "-y", this.#image]);
    if (code > 1) throw new Error(`${stdout}${stderr}`);
    this.#mount = await mount(this.#instance, this.#image);
  }

  /** Once those that use it have ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#mount[Symbol.asyncDispose]();
    await eventually("the disk to be free", 20_000, () =>
      isMounted(this.#image) ? undefined : true,
    );
  }
}

async function mount({ root }: Instance, image: string): Promise<PrivateMount> {
  const disk = await PrivateMount.start(root, ["-o", "loop,errors=remount-ro", image]);
  // Of the file system, and nothing that a daemon would leave; e2fsck makes it again.
  rmdirSync(join(disk.view, "lost+found"));
  return disk;
}

function isMounted(image: string): boolean {
  return readdirSync("/sys/block").some((name) => {
    const path = `/sys/block/${name}/loop/backing_file`;
    return name.startsWith("loop") && textOf(path).trim() === image;
  });
}

async function must(file: string, ...args: readonly string[]): Promise<void> {
  const { code, stderr } = await runCommand(file, args);
  if (code !== 0) throw new Error(stderr);
}

/** Empty when there is none: a device that is free has no such file. */
function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // ENOENT, ENXIO.
    return "";
  }
}
