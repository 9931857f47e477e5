// The client of an agent against a server of the tests.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { KubernetesClient } from "../../../src/agent/kubernetes-client.ts";
import { withDeadline } from "../../support/with-deadline.ts";

const client = suite("KubernetesClient");

client(
  "requests do not wait for watches, however many there are",
  withDeadline(20_000, async () => {
    const server = createServer((request, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      if (request.url?.includes("watch=true")) {
        response.write(`${JSON.stringify({ type: "ADDED", object: { name: request.url } })}\n`);
      } else response.end(JSON.stringify({ kind: "Lease" }));
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const { port } = server.address() as AddressInfo;
    const stop = new AbortController();
    const made = new KubernetesClient({ server: new URL(`http://127.0.0.1:${port}`) });
    try {
      const watches = Array.from({ length: 100 }, (_, index) =>
        made.watch<{ readonly name: string }>(`/watch/${index}`, {}, stop.signal),
      );
      const first = await Promise.all(watches.map((watch) => watch.next()));
      assert.is(first.filter(({ done }) => done === false).length, 100);
      assert.equal(await made.json("GET", "/lease"), { kind: "Lease" });
    } finally {
      stop.abort();
      made[Symbol.dispose]();
      server.closeAllConnections();
      server.close();
    }
  }),
);

client.run();
