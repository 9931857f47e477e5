// containerd, driven by its own `ctr`: without the CRI plugin, which wants more of the machine than a container needs.
// `ctr run` gives a container an empty network namespace.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { newCorner } from "../place.ts";
import { type Command, Room } from "../room.ts";
import { type Peer, sleeper } from "./peer.ts";
import { untilItAnswers } from "./until-it-answers.ts";

export const containerd: Peer = {
  name: "containerd",
  needs: ["containerd", "ctr", "runc"],
  version: ["containerd", "--version"],
  open: async (place) => {
    const { name, folder } = newCorner(place, "containerd");
    const env = { PATH: place.path };
    const room = await Room.open({ name, folder, stopwatch: place.stopwatch, view: "v1", env });
    const config = join(folder, "config.toml");
    const socket = join(folder, "sock");
    writeFileSync(
      config,
      `version = 2
root = "${folder}/root"
state = "${folder}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "${socket}"
`,
    );
    const ctr = (...args: readonly string[]): Command => ["ctr", "-a", socket, ...args];
    const { name: image, ociArchive } = place.small;
    let execs = 0;
    try {
      const log = join(folder, "log");
      await room.startDaemon(["containerd", "-c", config], log);
      await untilItAnswers(room, ctr("version"), log);
      await room.time(ctr("image", "import", ociArchive));
    } catch (error) {
      await room.close();
      throw error;
    }
    return {
      room,
      up: (pod) => [ctr("run", "-d", image, pod, ...sleeper)],
      down: (pod) => [ctr("task", "rm", "-f", pod), ctr("container", "rm", pod)],
      exec: (pod) => [ctr("task", "exec", "--exec-id", `e${++execs}`, pod, "true")],
      load: (each) => [ctr("image", "import", each.ociArchive)],
      unload: (each) => [ctr("image", "rm", "--sync", each.name)],
      daemons: ["containerd"],
    };
  },
};
