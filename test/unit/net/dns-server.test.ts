// The name server over real sockets: by UDP, by TCP, forwarded, and asked for more than it can say.
import { createSocket } from "node:dgram";
import { Resolver } from "node:dns/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Zone, ZoneService } from "../../../src/net/cluster-zone.ts";
import { Forwarder } from "../../../src/net/dns-forwarder.ts";
import { decodeQuestion, encodeAnswer } from "../../../src/net/dns-message.ts";
import { DnsServer } from "../../../src/net/dns-server.ts";

const many: ZoneService = {
  name: "many",
  namespace: "default",
  ports: [],
  endpoints: Array.from({ length: 200 }, (_, index) => ({ address: `10.85.1.${index}` })),
};

const zone: Zone = {
  subnets: [],
  service: (_, name) => {
    if (name === "broken") throw new Error("a fault of our own");
    return name === "many" ? many : undefined;
  },
  hasNamespace: () => true,
  servicesOf: () => [],
};

const test = suite("DnsServer");

async function withServer(
  forwarder: Forwarder,
  body: (resolver: Resolver, errors: readonly unknown[]) => Promise<void>,
): Promise<void> {
  const errors: unknown[] = [];
  const server = new DnsServer({ zone, forwarder, onError: (error) => errors.push(error) });
  const port = await server.listen();
  const resolver = new Resolver({ timeout: 2000, tries: 1 });
  resolver.setServers([`127.0.0.1:${port}`]);
  try {
    await body(resolver, errors);
  } finally {
    server.close();
  }
}

async function code(promise: Promise<unknown>): Promise<unknown> {
  return await promise.catch((error: unknown) => (error as { code?: unknown }).code);
}

test("what is too long by UDP comes by TCP", async () => {
  await withServer(new Forwarder({ servers: () => [] }), async (resolver) => {
    const found = await resolver.resolve4("many.default.svc.cluster.local");
    assert.is(found.length, 200);
  });
});

test("without a server of the host other names fail, and so does our own fault", async () => {
  await withServer(new Forwarder({ servers: () => [] }), async (resolver, errors) => {
    assert.is(await code(resolver.resolve4("www.example.com")), "ESERVFAIL");
    assert.is(await code(resolver.resolve4("broken.default.svc.cluster.local")), "ESERVFAIL");
    assert.is(errors.length, 1);
  });
});

test("other names are asked for at the host's servers, the next one when one is silent", async () => {
  const upstream = createSocket("udp4");
  upstream.on("message", (message, from) => {
    const question = decodeQuestion(message);
    if (question === undefined) return;
    const answers = [{ name: question.name, ttl: 9, type: "A", address: "192.0.2.80" } as const];
    const answer = { code: 0, isAuthoritative: false, answers, authority: [], additional: [] };
    upstream.send(encodeAnswer(question, answer, 512), from.port, from.address);
  });
  await new Promise<void>((resolve) => upstream.bind(0, "127.0.0.1", resolve));
  const { port } = upstream.address();
  // Nobody has 127.0.0.2 on that port: refused at once.
  const forwarder = new Forwarder({ servers: () => ["127.0.0.2", "127.0.0.1"], port });
  try {
    await withServer(forwarder, async (resolver) => {
      assert.equal(await resolver.resolve4("www.example.com"), ["192.0.2.80"]);
    });
  } finally {
    upstream.close();
  }
});

test.run();
