// Promise: the census that ends every integration test sees each kind of thing that can be left.
// A check that cannot fail protects nobody, so each is left on purpose here.
import { spawn } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { eventually } from "../support/eventually.ts";
import { compareCensus, type InstanceNames, takeCensus } from "../support/leak-check.ts";
import { requires } from "../support/requires.ts";
import { runCommand } from "../support/run-command.ts";
import { withDeadline } from "../support/with-deadline.ts";

requires("root", "tool:ip", "tool:nft", "tool:unshare");

const census = suite("leak census");

// Slots of instance.ts end at 1023: these names belong to no instance.
const base = `/tmp/nspod-test-5${process.pid}`;
const names: InstanceNames = {
  base,
  root: join(base, "root"),
  run: join(base, "run"),
  bridge: `nspt5${process.pid}`,
  cgroup: `/nspod-test-5${process.pid}`,
};

census.before(async () => {
  await mkdir(names.root, { recursive: true });
  await mkdir(names.run, { recursive: true });
});

census.after(async () => {
  await rm(base, { recursive: true, force: true });
});

/**
 * Makes something and sees it in the census, as these kinds and no others. Looks again when there is more: a pod of
 * another instance that ends just then has a link without its name for a moment.
 */
async function isSeen(
  wanted: readonly string[],
  make: () => Promise<unknown>,
  unmake: () => Promise<unknown>,
): Promise<void> {
  const before = await takeCensus(names);
  await make();
  try {
    await eventually(`the census to see ${wanted.join(", ")} and nothing else`, 5000, async () => {
      const differences = compareCensus(before, await takeCensus(names));
      const kinds = new Set(differences.map((row) => row.replace(/: .*/, "")));
      return [...kinds].sort().join() === wanted.join() ? true : undefined;
    });
  } finally {
    await unmake();
  }
}

const must = async (file: string, ...args: string[]): Promise<void> => {
  const { code, stderr } = await runCommand(file, args);
  assert.is(code, 0, stderr);
};

census(
  "sees a mount in the host's table",
  withDeadline(10_000, async () => {
    await isSeen(
      ["host mounts"],
      () => must("mount", "-t", "tmpfs", "census", names.run),
      () => must("umount", names.run),
    );
  }),
);

census(
  "sees a link, a packet filter table and a file",
  withDeadline(10_000, async () => {
    const link = () => must("ip", "link", "add", names.bridge, "type", "bridge");
    const unlink = () => must("ip", "link", "del", names.bridge);
    await isSeen(["links"], link, unlink);
    const table = `${names.bridge}_t`;
    const add = () => must("nft", "add", "table", "ip", table);
    const remove = () => must("nft", "delete", "table", "ip", table);
    await isSeen(["nft tables"], add, remove);
    const file = join(names.root, "left");
    await isSeen(
      ["files"],
      () => writeFile(file, ""),
      () => rm(file),
    );
  }),
);

census(
  "sees a process, its namespaces and its mounts",
  withDeadline(10_000, async () => {
    const before = await takeCensus(names);
    const script = `mount -t tmpfs census ${names.run} && echo up && exec sleep 60`;
    const child = spawn("unshare", ["-nm", "sh", "-c", script, names.base], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, NSPOD_ROOT: names.root },
    });
    const exited = new Promise((resolve) => child.on("exit", resolve));
    const up = new Promise((resolve) => child.stdout.once("data", resolve));
    await up;
    const after = await takeCensus(names);
    child.kill("SIGKILL");
    await exited;
    const kinds = compareCensus(before, after);
    for (const kind of ["mounts in other namespaces", "processes", "network namespaces"]) {
      assert.ok(
        kinds.some((row) => row.startsWith(`${kind}: new`)),
        `the census did not see ${kind}`,
      );
    }
  }),
);

census(
  "sees a socket",
  withDeadline(10_000, async () => {
    const server = createServer();
    const path = join(names.run, "left.sock");
    await isSeen(
      ["files", "unix sockets"],
      () => new Promise<void>((resolve) => server.listen(path, resolve)),
      () => new Promise((resolve) => server.close(resolve)),
    );
  }),
);

census.run();
