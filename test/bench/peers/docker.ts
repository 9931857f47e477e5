// docker on its default bridge, without its packet rules: they need a netfilter that it is used to.
import { join } from "node:path";
import type { TestImage } from "../images.ts";
import { newCorner } from "../place.ts";
import { type Command, Room } from "../room.ts";
import { type Peer, sleeper } from "./peer.ts";
import { untilItAnswers } from "./until-it-answers.ts";

export const docker: Peer = {
  name: "docker",
  needs: ["dockerd", "docker", "containerd", "runc"],
  version: ["dockerd", "--version"],
  open: async (place) => {
    const { name, folder } = newCorner(place, "docker");
    const env = { PATH: place.path };
    const room = await Room.open({ name, folder, stopwatch: place.stopwatch, view: "v1", env });
    const socket = `unix://${folder}/sock`;
    const call = (...args: readonly string[]): Command => ["docker", "-H", socket, ...args];
    const load = ({ dockerArchive }: TestImage): Command => call("load", "-q", "-i", dockerArchive);
    const dockerd = [
      ...["dockerd", "--data-root", join(folder, "root"), "--exec-root", join(folder, "run")],
      ...["-p", join(folder, "pid"), "-H", socket, "--iptables=false", "--bip=10.89.0.1/16"],
    ];
    try {
      const log = join(folder, "log");
      await room.startDaemon(dockerd, log);
      await untilItAnswers(room, call("version"), log);
      await room.time(load(place.small));
    } catch (error) {
      await room.close();
      throw error;
    }
    const image = place.small.name;
    return {
      room,
      up: (pod) => [call("run", "-d", "--name", pod, image, ...sleeper)],
      down: (pod) => [call("stop", pod), call("rm", pod)],
      exec: (pod) => [call("exec", pod, "true")],
      load: (each) => [load(each)],
      unload: (each) => [call("rmi", "-f", each.name)],
      daemons: ["dockerd", "containerd"],
    };
  },
};
