// podman: `play kube` on its bridge, with a store of its own. Without systemd it needs cgroupfs, a file for its events,
// and limits that root may set here; its teardown by `play kube --down` waits up to 3 s in 4.3.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Place } from "../place.ts";
import { newCorner } from "../place.ts";
import { type Command, Room } from "../room.ts";
import { type OpenPeer, type Peer, sleeper } from "./peer.ts";

export const podman: Peer = {
  name: "podman",
  needs: ["podman", "conmon", "crun"],
  version: ["podman", "--version"],
  open: async (place) => await openPodman(place),
};

/** Also serves skopeo and conmon, which work on its store and with its containers. */
export async function openPodman(place: Place): Promise<OpenPeer & { readonly folder: string }> {
  const { name, folder } = newCorner(place, "podman");
  const conf = join(folder, "containers.conf");
  const storage = join(folder, "storage.conf");
  const env = { PATH: place.path, CONTAINERS_CONF: conf, CONTAINERS_STORAGE_CONF: storage };
  const room = await Room.open({ name, folder, stopwatch: place.stopwatch, view: "v1", env });
  try {
    const files = (await room.read(["sh", "-c", "ulimit -Hn"])).trim();
    mkdirSync(join(folder, "networks"));
    writeFileSync(
      storage,
      `[storage]\ndriver = "overlay"\ngraphroot = "${folder}/store"\nrunroot = "${folder}/run"\n`,
    );
    writeFileSync(
      conf,
      `[containers]
default_ulimits = ["nofile=${files}:${files}", "nproc=4096:4096"]
log_driver = "k8s-file"
[engine]
runtime = "crun"
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
[network]
network_backend = "netavark"
network_config_dir = "${folder}/networks"
default_subnet = "10.88.0.0/16"
`,
    );
    const load = (archive: string): Command => ["podman", "load", "-q", "-i", archive];
    await room.time(load(place.small.ociArchive));
    return {
      room,
      folder,
      up: (pod) => {
        const file = join(folder, `${pod}.yaml`);
        writeFileSync(file, kubeManifest(pod, place.small.name));
        return [["podman", "play", "kube", file]];
      },
      down: (pod) => [["podman", "play", "kube", "--down", join(folder, `${pod}.yaml`)]],
      exec: (pod) => [["podman", "exec", `${pod}-c`, "true"]],
      load: ({ ociArchive }) => [load(ociArchive)],
      unload: (image) => [["podman", "rmi", "-f", image.name]],
      daemons: ["aardvark-dns"],
    };
  } catch (error) {
    await room.close();
    throw error;
  }
}

function kubeManifest(name: string, image: string): string {
  const container = { name: "c", image, imagePullPolicy: "Never", command: sleeper };
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name },
    spec: { containers: [container] },
  });
}
