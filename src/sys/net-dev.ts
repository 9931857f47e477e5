/** Counters of network links, as /proc/<pid>/net/dev has them for the namespace of a process. Source: proc_pid_net(5). */

export interface LinkCounters {
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

/** By name of the link; lines of another form are left out. */
export function parseNetDev(text: string): ReadonlyMap<string, LinkCounters> {
  return new Map(
    text.split("\n").flatMap((line) => {
      const match = /^\s*([^\s:]+):\s*((?:\d+\s*){16})$/.exec(line);
      if (match === null) return [];
      const [, name = "", numbers = ""] = match;
      const fields = numbers.trim().split(/\s+/).map(Number);
      return [[name, { receivedBytes: fields[0] ?? 0, sentBytes: fields[8] ?? 0 }] as const];
    }),
  );
}
