// skopeo copies an archive into podman's store: an import without an engine around it.
import type { TestImage } from "../images.ts";
import type { Peer } from "./peer.ts";
import { openPodman } from "./podman.ts";

export const skopeo: Peer = {
  name: "skopeo",
  needs: ["skopeo", "podman"],
  version: ["skopeo", "--version"],
  open: async (place) => {
    const { room, folder, unload } = await openPodman(place);
    const store = `overlay@${folder}/store+${folder}/run`;
    const load = ({ ociArchive, name }: TestImage): readonly (readonly string[])[] => [
      ["skopeo", "copy", "-q", `oci-archive:${ociArchive}`, `containers-storage:[${store}]${name}`],
    ];
    return { room, load, ...(unload && { unload }), daemons: [] };
  },
};
