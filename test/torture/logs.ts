// A container that writes 100 MB/s, through many rotations (security: C-10).
import { podsPath } from "../../src/cli/context.ts";
import type { ArmedPods } from "../support/armed-daemon.ts";
import { shell } from "../support/pods.ts";
import { type Figures, share } from "./figures.ts";

/** 100 bytes each: 2 GB. */
const lines = share(20_000_000);
const lineBytes = 100;
/** MB/s. */
const pace = 100;

export async function logs(figures: Figures, { pods }: ArmedPods): Promise<void> {
  // It waits for its reader, whose answer begins with the first line: the next ones are rotated away within a second.
  const script = `trap "exit 0" TERM; printf "%099d\\n" -1; until [ -e /go ]; do sleep 0.01; done; count ${lines} ${pace}; sleep infinity & wait`;
  const writer = shell("main", script, { image: "nspod/testbox" });
  await pods.up("writer", { containers: [writer] });
  const stream = await pods.client.stream("GET", podsPath("default", "writer", "log"), {
    query: { container: "main", follow: true },
  });
  await pods.exec("writer", "touch /go");
  const begin = performance.now();
  let expected = -1;
  const gaps: unknown[] = [];
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of stream) {
    const bytes = rest.length === 0 ? (chunk as Buffer) : Buffer.concat([rest, chunk as Buffer]);
    let at = 0;
    for (; at + lineBytes <= bytes.length; at += lineBytes) {
      const number = numberAt(bytes, at);
      if (number !== expected) gaps.push({ expected, number });
      expected = number + 1;
    }
    rest = Buffer.from(bytes.subarray(at));
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

/** The number in a line; NaN when it does not end where lines do. Quick: the reader has to keep up with the writer. */
function numberAt(bytes: Buffer, at: number): number {
  if (bytes[at + lineBytes - 1] !== 0x0a) return Number.NaN;
  let number = 0;
  for (let i = at + 1; i < at + lineBytes - 1; i++) number = number * 10 + (bytes[i] ?? 0) - 0x30;
  return bytes[at] === 0x2d ? -number : number;
}
