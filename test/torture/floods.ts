// What a neighbour and the daemon feel of a pod that takes all it can get: round trips to the neighbour over its address,
// quiet and beside each flood (security: KRN-15).
import { get } from "node:http";
import { finished } from "node:stream/promises";
import type { ArmedPods } from "../support/armed-daemon.ts";
import { type Figures, share } from "./figures.ts";

const image = "nspod/testbox";
const requests = share(1_000);

/** Commands that take until they have what they want, say so in a line that begins thus, and keep it. */
const floods: Readonly<Record<string, readonly [script: string, said: string]>> = {
  descriptors: [`exec attack take fds ${share(15_000)}`, "took="],
  sockets: [`exec attack take sockets ${share(15_000)}`, "took="],
  watches: [`exec attack take watches ${share(10_000)}`, "took="],
  folders: [`exec attack take folders ${share(50_000)}`, "took="],
  processes: [`echo begun; exec forks ${share(3_000)}`, "begun"],
  "lines of a log": ["echo begun; exec yes flood", "begun"],
};

/** Of its own quiet figure: a flood without limits has as large a share of the cores as the neighbour. */
const mostTimes = 10;
const alwaysFineMs = 50;
const listMs = 1_000;

/** Milliseconds that one request in a hundred is slower than. */
async function slowest(address: string): Promise<number> {
  const took: number[] = [];
  for (let count = 0; count < requests; count++) {
    const begin = performance.now();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    get({ host: address, port: 8080, agent: false }, (response) => {
      finished(response.resume()).then(resolve, reject);
    }).on("error", reject);
    await promise;
    took.push(performance.now() - begin);
  }
  took.sort((a, b) => a - b);
  return took[Math.floor(took.length * 0.99)] ?? 0;
}

export async function floodsBeside(figures: Figures, { pods }: ArmedPods): Promise<void> {
  const { status } = await pods.up("neighbour", {
    containers: [{ name: "main", image, command: ["serve", "http", "8080"] }],
  });
  const address = status?.podIP ?? "";
  await pods.untilLogged("neighbour", "main", "serving");
  const quiet = await slowest(address);
  const most = Math.max(quiet * mostTimes, alwaysFineMs);
  for (const [index, [what, [script, said]]] of Object.entries(floods).entries()) {
    const name = `flood-${index}`;
    await pods.up(name, { containers: [{ name: "main", image, command: ["sh", "-c", script] }] });
    await pods.untilLogged(name, "main", said, 60_000);
    const flooded = await slowest(address);
    const begin = performance.now();
    await pods.list();
    const listed = performance.now() - begin;
    const times = `${flooded.toFixed(1)} ms, quiet ${quiet.toFixed(1)} ms`;
    figures.add(
      "KRN-15",
      `${what}: neighbour, 99 of 100`,
      `< ${most.toFixed(0)} ms`,
      times,
      flooded < most,
    );
    figures.add(
      "KRN-15",
      `${what}: list`,
      `< ${listMs} ms`,
      `${listed.toFixed(0)} ms`,
      listed < listMs,
    );
    await pods.delete(name);
  }
  await pods.delete("neighbour");
}
