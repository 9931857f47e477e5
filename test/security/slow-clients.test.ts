// Promise: clients that are slow, many or endless on the daemon's socket and its TLS port take nothing from the others, and
// what they held is free when they have gone (security: API-07).
import { readdirSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ArmedPods } from "../support/armed-daemon.ts";
import { eventually } from "../support/eventually.ts";
import { sleeper } from "../support/pods.ts";
import { requires } from "../support/requires.ts";
import { withDeadline } from "../support/with-deadline.ts";

requires("root");

const slow = suite("slow clients");
// Daemons read it.
process.env["NSPOD_LISTEN"] = "127.0.0.1:0";
let armed: ArmedPods;
let port = 0;
let baseline = 0;

slow.before(async () => {
  armed = await ArmedPods.start("busybox");
  port = await eventually("the port", 20_000, () => {
    const [, found] = /https:\/\/127\.0\.0\.1:(\d+)/.exec(armed.daemon.log) ?? [];
    return found === undefined ? undefined : Number(found);
  });
  await armed.pods.up("beside", { containers: [sleeper("main")] });
  baseline = descriptors();
});

function descriptors(): number {
  return readdirSync(`/proc/${armed.daemon.pid}/fd`).length;
}

const doors = {
  socket: (): Socket => connect(join(armed.pods.instance.run, "nspod.sock")),
  TLS: (): Socket => connectTls({ host: "127.0.0.1", port, rejectUnauthorized: false }),
};

/** What each of many clients sends, and never goes on with. */
const beginnings: Readonly<Record<string, string>> = {
  "say nothing": "",
  "never end their header": "GET /api HTTP/1.1\r\nHost: x\r\nX-Slow: ",
  "never send their body":
    "POST /api/v1/namespaces/default/pods HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 3000000\r\n\r\n{",
  "never read their answers": "GET /openapi/v2 HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(20),
};

const each = 30;

for (const [door, open] of Object.entries(doors)) {
  slow(
    `leave the others alone, and nothing when they go: ${door}`,
    withDeadline(60_000, async () => {
      const clients: Socket[] = [];
      for (const text of Object.values(beginnings)) {
        for (let count = 0; count < each; count++) {
          const client = open();
          clients.push(client);
          client.on("error", () => undefined);
          client.pause();
          if (text !== "") client.write(text);
        }
        await turn();
      }
      await eventually("all of them to be connected", 20_000, () =>
        descriptors() >= baseline + clients.length - each ? true : undefined,
      );
      assert.is((await armed.pods.list()).length, 1);
      await armed.pods.up("late", { containers: [sleeper("main")] });
      assert.is(await armed.pods.ask("late", "echo here"), "here");
      await armed.pods.delete("late");
      for (const client of clients) client.destroy();
      await eventually("their descriptors to be free", 20_000, () =>
        descriptors() <= baseline + 4 ? true : undefined,
      );
    }),
  );

  slow(
    `get a refusal for a header without an end: ${door}`,
    withDeadline(60_000, async () => {
      const client = open();
      let answer = "";
      client.on("data", (chunk: Buffer) => {
        answer += chunk.toString("latin1");
      });
      // The server closes while we write.
      client.on("error", () => undefined);
      client.write("GET /api HTTP/1.1\r\nHost: localhost\r\n");
      let written = 0;
      const line = `X-Long: ${"x".repeat(8000)}\r\n`;
      while (!client.destroyed && answer === "" && written < 64 << 20) {
        if (!client.write(line)) await Promise.race([drained(client), closed(client)]);
        written += line.length;
        await turn();
      }
      assert.ok(written < 8 << 20, `${written} bytes were taken`);
      client.destroy();
      assert.is((await armed.pods.list()).length, 1);
    }),
  );
}

async function drained(client: Socket): Promise<void> {
  await new Promise<void>((resolve) => client.once("drain", resolve));
}

async function closed(client: Socket): Promise<void> {
  await new Promise<void>((resolve) => client.once("close", () => resolve()));
}

slow(
  "leave nothing",
  withDeadline(60_000, async () => await armed.close()),
);

slow.run();
