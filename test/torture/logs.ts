// A container that writes as fast as it can, through many rotations (security: C-10).
import { podsPath } from "../../src/cli/context.ts";
import type { ArmedPods } from "../support/armed-daemon.ts";
import { shell } from "../support/pods.ts";
import { type Figures, share } from "./figures.ts";

/** 100 bytes each: 2 GB. */
const lines = share(20_000_000);

export async function logs(figures: Figures, { pods }: ArmedPods): Promise<void> {
  const script = `trap 'exit 0' TERM; sleep infinity & wait`;
  const writer = shell(
    "main",
    `awk 'BEGIN { for (i = 0; i < ${lines}; i++) printf "%099d\\n", i }'; ${script}`,
  );
  const begin = performance.now();
  await pods.up("writer", { containers: [writer] });
  const stream = await pods.client.stream("GET", podsPath("default", "writer", "log"), {
    query: { container: "main", follow: true },
  });
  let expected = 0;
  const gaps: unknown[] = [];
  let rest = "";
  for await (const chunk of stream.setEncoding("latin1")) {
    const parts = (rest + String(chunk)).split("\n");
    rest = parts.pop() ?? "";
    for (const line of parts) {
      const number = Number(line);
      if (number !== expected) gaps.push({ expected, number });
      expected = number + 1;
    }
    if (expected >= lines) break;
  }
  const seconds = (performance.now() - begin) / 1000;
  const rate = `${Math.round((lines * 100) / 1e6 / seconds)} MB/s`;
  figures.add(
    "C-10",
    "lines of 100 bytes followed through rotations",
    String(lines),
    `${expected}, ${rate}`,
    expected === lines,
  );
  figures.none("C-10", "gaps or repetitions", gaps);
  const kept = (await pods.log("writer")).trimEnd().split("\n").map(Number);
  const last = kept.at(-1);
  const broken = kept.filter((number, index) => index > 0 && number !== (kept[index - 1] ?? 0) + 1);
  figures.none("C-10", `gaps in the ${kept.length} lines that are kept`, broken);
  figures.add(
    "C-10",
    "the last line that is kept",
    String(lines - 1),
    last ?? "none",
    last === lines - 1,
  );
}
