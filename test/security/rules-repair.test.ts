// Promise: packet rules that somebody flushed are back in a moment, because the kernel tells of it; what
// belongs to others stays as it is (security: NET-06, C-15).
import { execFileSync } from "node:child_process";
import { connect } from "node:net";
import * as assert from "uvu/assert";
import { eventually } from "../support/eventually.ts";
import { podSuite } from "../support/pod-suite.ts";
import { shell } from "../support/pods.ts";
import { requires } from "../support/requires.ts";

requires("root", "tool:nft");

const { test, run } = podSuite("flushed packet rules", "busybox");

const hostPort = 18_474;

function nft(...words: readonly string[]): string {
  return execFileSync("nft", words, { encoding: "utf8" });
}

/** What the pod says to a connection from the host; undefined when none comes about. */
async function ask(port: number): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const socket = connect({ host: "127.0.0.1", port, timeout: 1000 });
  let answer = "";
  socket.on("data", (chunk: Buffer) => {
    answer += chunk.toString();
  });
  socket.on("timeout", () => socket.destroy());
  socket.on("error", () => socket.destroy());
  socket.on("close", () => resolve(answer === "" ? undefined : answer.trim()));
  return await promise;
}

test("come back well before anybody looks by the clock, and foreign tables stay", async (pods) => {
  const script = "exec nc -ll -p 80 -e echo here";
  const main = shell("main", script, { ports: [{ containerPort: 80, hostPort }] });
  await pods.up("kept", { containers: [main] });
  assert.is(await eventually("an answer", 10_000, () => ask(hostPort)), "here");
  const table = `nspod_${pods.instance.bridge}`;
  const foreign = `${pods.instance.bridge}_foreign`;
  nft("add", "table", "ip", foreign);
  nft("add", "chain", "ip", foreign, "kept");
  const before = nft("list", "table", "ip", foreign);
  try {
    const intact = listing(table);
    for (const damage of [
      ["delete", "table", "ip", table],
      ["flush", "chain", "bridge", table, "prerouting"],
    ]) {
      nft(...damage);
      const words = damage.join(" ");
      // The duty looks every 10 s: twice in a row it cannot have been just about to.
      await eventually(`the rules after "${words}"`, 6000, () =>
        listing(table) === intact ? true : undefined,
      );
      assert.is(await eventually("an answer", 5000, () => ask(hostPort)), "here");
    }
    assert.is(nft("list", "table", "ip", foreign), before);
  } finally {
    nft("delete", "table", "ip", foreign);
  }
  await pods.delete("kept");
}, 60_000);

/** Both tables without their counters, which count on. */
function listing(table: string): string {
  return nft("-s", "list", "ruleset")
    .split(/^(?=table )/m)
    .filter((each) => each.split(/\s/)[2] === table)
    .join("");
}

run();
