import { suite } from "uvu";
import * as assert from "uvu/assert";
import { StatusWriter } from "../../../src/agent/status-writer.ts";
import { PodError } from "../../../src/base/errors.ts";
import { createLogger } from "../../../src/base/log.ts";
import type { Pod, PodStatus } from "../../../src/spec/pod.ts";
import { FakeClock, settled } from "../../support/fake-clock.ts";
import { podOf } from "../scheduler/fixture.ts";

/** A server with one pod, and requests that wait until the test answers them. */
class Server {
  stored: Pod = { ...podOf("p"), metadata: { ...podOf("p").metadata, resourceVersion: "1" } };
  readonly asked: string[] = [];
  failures: PodError[] = [];
  readonly clock = new FakeClock();
  readonly writer = new StatusWriter({
    client: { json: (method, path, options) => this.#answer(method, path, options?.body) },
    current: () => this.stored,
    clock: this.clock,
    log: createLogger("silent"),
  });

  publish(phase: "Pending" | "Running" | "Succeeded"): void {
    this.writer.publish(this.stored, { phase } as PodStatus);
  }

  async #answer<T>(method: string, path: string, body: unknown): Promise<T> {
    this.asked.push(`${method} ${path.replace("/api/v1/namespaces/default/pods", "")}`);
    await settled();
    if (method === "GET") return this.stored as T;
    const failure = this.failures.shift();
    if (failure !== undefined) throw failure;
    const { metadata, status } = body as Pod;
    if (metadata.resourceVersion !== this.stored.metadata.resourceVersion) {
      throw new PodError("Conflict", "changed");
    }
    const resourceVersion = String(Number(metadata.resourceVersion) + 1);
    this.stored = {
      ...this.stored,
      metadata: { ...metadata, resourceVersion },
      ...(status && { status }),
    };
    return this.stored as T;
  }
}

const writer = suite("StatusWriter");

writer("the newest state wins, and the same state is not written again", async () => {
  const server = new Server();
  server.publish("Pending");
  server.publish("Running");
  server.publish("Succeeded");
  await server.writer.settled("default/p");
  assert.is(server.stored.status?.phase, "Succeeded");
  assert.equal(server.asked, ["PUT /p/status", "PUT /p/status"]);
  server.publish("Succeeded");
  await server.writer.settled("default/p");
  assert.is(server.asked.length, 2);
});

writer("what somebody else has changed is read anew and kept", async () => {
  const server = new Server();
  server.publish("Pending");
  const conditions = [{ type: "example.com/own", status: "True" as const }];
  const { metadata } = server.stored;
  server.stored = {
    ...server.stored,
    metadata: { ...metadata, resourceVersion: "7" },
    status: { conditions },
  };
  await server.writer.settled("default/p");
  assert.is(server.stored.status?.phase, "Pending");
  assert.equal(server.stored.status?.conditions, conditions);
  assert.equal(server.asked, ["PUT /p/status", "GET /p", "PUT /p/status"]);
});

writer("tries again when the server is away, and gives up on a pod that is gone", async () => {
  const server = new Server();
  server.failures = [new PodError("Unavailable", "away")];
  server.publish("Running");
  await settled();
  await server.clock.pass(2000);
  await server.writer.settled("default/p");
  assert.is(server.stored.status?.phase, "Running");
  server.failures = [new PodError("NotFound", "gone")];
  server.publish("Succeeded");
  await server.writer.settled("default/p");
  assert.is(server.stored.status?.phase, "Running");
});

writer.run();
