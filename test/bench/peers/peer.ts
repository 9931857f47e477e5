// What the harness asks of another runtime. A peer that this machine lacks, or that does not work here, is named with
// the reason and left out; it never fails a run.
import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import type { TestImage } from "../images.ts";
import type { Place } from "../place.ts";
import type { Command, Room } from "../room.ts";

export type PeerName = "podman" | "skopeo" | "crun" | "containerd" | "docker" | "conmon";

export interface Peer {
  readonly name: PeerName;
  /** Programs that must be there. */
  readonly needs: readonly string[];
  /** Prints its version in the first line. */
  readonly version: Command;
  /** Starts what it needs and gives it the small image. @throws Error with the reason why it cannot be used here. */
  open(place: Place): Promise<OpenPeer>;
}

/** Commands of a peer that runs; one that it has no counterpart of is absent. */
export interface OpenPeer {
  readonly room: Room;
  /** A pod of one container that sleeps and obeys SIGTERM, until it runs. */
  readonly up?: (pod: string) => readonly Command[];
  /** Until nothing of it is left. */
  readonly down?: (pod: string) => readonly Command[];
  /** The program `true` in the container of a running pod. */
  readonly exec?: (pod: string) => readonly Command[];
  readonly load?: (image: TestImage) => readonly Command[];
  readonly unload?: (image: TestImage) => readonly Command[];
  /** Which of its processes are no helpers of pods: "containerd". */
  readonly daemons: readonly string[];
}

/** What containers run: quick to obey, nothing to do. */
export const sleeper: readonly string[] = ["sh", "-c", 'trap "exit 0" TERM; sleep 100000 & wait'];
/** Names of the programs that containers run: no helpers. */
export const payloads: readonly string[] = ["sh", "sleep"];

/** Path of a program, undefined when it is not there. */
export function findProgram(program: string, path: string): string | undefined {
  for (const folder of path.split(":")) {
    const file = join(folder, program);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not in this one.
    }
  }
  return undefined;
}
