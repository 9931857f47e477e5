/** What stands before each log line in the foreground of `run`: `web     | `, coloured by container. */
import type { Pod } from "../spec/pod.ts";

/** SGR numbers that can be read on dark and light backgrounds; red is left to errors. */
const palette = [36, 33, 32, 35, 34, 96, 93, 92, 95, 94];

/**
 * Prefixes by container name, padded to one width over all `pods`; with several pods each says its
 * pod too.
 */
export function logPrefixes(
  pod: Pod,
  pods: readonly Pod[],
  hasColours: boolean,
): ReadonlyMap<string, string> {
  const labels = pods.flatMap((each) =>
    containerNames(each).map((name) => ({
      pod: each,
      name,
      label: pods.length > 1 ? `${each.metadata.name}/${name}` : name,
    })),
  );
  const width = Math.max(...labels.map(({ label }) => label.length));
  return new Map(
    labels.flatMap(({ pod: owner, name, label }, index) => {
      if (owner !== pod) return [];
      const text = `${label.padEnd(width)} | `;
      return [[name, coloured(text, index, hasColours)] as const];
    }),
  );
}

/** The text in the colour of this number, where there are colours. */
export function coloured(text: string, index: number, hasColours: boolean): string {
  return hasColours ? `\x1b[${palette[index % palette.length] ?? 0}m${text}\x1b[0m` : text;
}

/** Names of all containers, init containers first, ephemeral ones last, in the order of the manifest. */
export function containerNames({ spec }: Pod): readonly string[] {
  const { initContainers = [], containers, ephemeralContainers = [] } = spec;
  return [...initContainers, ...containers, ...ephemeralContainers].map(({ name }) => name);
}
