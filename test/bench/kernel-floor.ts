// Runs floor.c in a room of its own: what the kernel alone takes for a pod.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { newCorner, type Place } from "./place.ts";
import { Room } from "./room.ts";

export interface FloorRun {
  /** Begin of a pod until just before execve, ms per pod. */
  readonly startMs: readonly number[];
  /** From its end until cgroup and folders are removed, ms per pod. */
  readonly downMs: readonly number[];
  readonly podsPerSecond: number;
}

export class KernelFloor {
  readonly #room: Room;
  readonly #command: readonly [string, string];
  readonly #paths: readonly string[];

  private constructor(room: Room, floor: string, paths: readonly string[]) {
    this.#room = room;
    this.#command = [floor, "/sys/fs/cgroup"];
    this.#paths = paths;
  }

  static async open(place: Place): Promise<KernelFloor> {
    const { name, folder } = newCorner(place, "kernel");
    const room = await Room.open({ name, folder, stopwatch: place.stopwatch, view: "v2" });
    const work = join(folder, "work");
    mkdirSync(work);
    return new KernelFloor(room, place.floor, [place.small.rootfs, work]);
  }

  async run(pods: number, workers: number): Promise<FloorRun> {
    const [program, cgroups] = this.#command;
    const text = await this.#room.read([
      program,
      String(pods),
      String(workers),
      cgroups,
      ...this.#paths,
    ]);
    const rows = text
      .trim()
      .split("\n")
      .map((line) => line.split(" "));
    const times = rows.filter(([word]) => word !== "rate");
    return {
      startMs: times.map(([start]) => Number(start) / 1000),
      downMs: times.map(([, down]) => Number(down) / 1000),
      podsPerSecond: Number(rows.find(([word]) => word === "rate")?.[1]),
    };
  }

  async close(): Promise<void> {
    await this.#room.close();
  }
}
