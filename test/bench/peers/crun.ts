// crun alone: a plain folder as root, lo as the only link, no image and no pod. The least that a runtime by the OCI
// specification takes.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { newCorner } from "../place.ts";
import { type Command, Room } from "../room.ts";
import { type Peer, sleeper } from "./peer.ts";

/** CAP_SYS_RESOURCE, capabilities(7). */
const sysResource = 1n << 24n;

export const crun: Peer = {
  name: "crun",
  needs: ["crun"],
  version: ["crun", "--version"],
  open: async (place) => {
    const { name, folder } = newCorner(place, "crun");
    const env = { PATH: place.path, ...(!mayRaiseLimits() && { LD_PRELOAD: place.memlock }) };
    const room = await Room.open({ name, folder, stopwatch: place.stopwatch, view: "v2", env });
    const bundle = join(folder, "bundle");
    mkdirSync(bundle);
    const call = (...args: readonly string[]): Command => [
      "crun",
      "--root",
      join(folder, "run"),
      ...args,
    ];
    await room.time(["sh", "-c", 'cd "$0" && crun spec', bundle]);
    writeFileSync(
      join(bundle, "config.json"),
      sleepingConfig(readFileSync(join(bundle, "config.json"), "utf8"), place.small.rootfs),
    );
    return {
      room,
      up: (pod) => [call("run", "-d", "-b", bundle, pod)],
      down: (pod) => [call("delete", "-f", pod)],
      exec: (pod) => [call("exec", pod, "true")],
      daemons: [],
    };
  },
};

function sleepingConfig(text: string, rootfs: string): string {
  const config = JSON.parse(text) as {
    readonly process: object;
    readonly root: object;
  };
  return JSON.stringify({
    ...config,
    process: { ...config.process, args: sleeper, terminal: false },
    root: { ...config.root, path: rootfs },
  });
}

function mayRaiseLimits(): boolean {
  const effective = /^CapEff:\s+(\S+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  return (BigInt(`0x${effective ?? "0"}`) & sysResource) !== 0n;
}
