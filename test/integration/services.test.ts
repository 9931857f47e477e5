// Promise: a Service has one address that leads to the pods that are ready, from pods and from the
// host, and refuses at once when there is none; while pods are replaced no request is lost; its name
// resolves in every pod.
import { request } from "node:http";
import * as assert from "uvu/assert";
import type { EndpointSlice, Service } from "../../src/spec/kubernetes.gen.ts";
import type { Pod } from "../../src/spec/pod.ts";
import { eventually } from "../support/eventually.ts";
import { podSuite } from "../support/pod-suite.ts";
import type { Pods } from "../support/pods.ts";
import { requires } from "../support/requires.ts";

requires("root");

const { test, run } = podSuite("Services", "busybox");

const path = "/api/v1/namespaces/default";

/** A server on port 8080 that answers with the name of its pod, and takes its time to end. */
function server(name: string, more: object = {}): object {
  const script = `mkdir -p /www && hostname > /www/index.html && trap 'sleep 1; exit' TERM; httpd -f -p 8080 -h /www & wait`;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: { app: "web" } },
    spec: {
      terminationGracePeriodSeconds: 5,
      hostname: name,
      subdomain: "peers",
      containers: [
        {
          name: "main",
          image: "busybox",
          command: ["sh", "-c", script],
          ports: [{ name: "http", containerPort: 8080 }],
          readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 },
          ...more,
        },
      ],
    },
  };
}

async function service(pods: Pods, name: string): Promise<Service> {
  return await pods.client.json<Service>("GET", `${path}/services/${name}`);
}

async function addressOf(pods: Pods, name: string): Promise<string> {
  return (await service(pods, name)).spec.clusterIP ?? "";
}

/** The body of an answer, or the error's code. */
async function ask(address: string, port = 80): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const call = request({ host: address, port, agent: false, timeout: 3000 }, (response) => {
    let body = "";
    response.on("data", (chunk: Buffer) => {
      body += chunk.toString();
    });
    response.on("end", () => resolve(body.trim()));
  });
  call.on("timeout", () => call.destroy(new Error("timeout")));
  call.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  call.end();
  return await promise;
}

/** Waits until the Service answers so. */
async function answers(probe: () => Promise<string>, wanted: string): Promise<void> {
  await eventually(
    `the answer ${wanted}`,
    3000,
    async () => (await probe()) === wanted || undefined,
  );
}

async function ready(pods: Pods, name: string): Promise<Pod> {
  return await pods.until(
    name,
    "it to be ready",
    ({ status }) =>
      status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True") ??
      false,
  );
}

async function inClient(pods: Pods, script: string): Promise<string> {
  return (await pods.instance.nspod(["exec", "client", "--", "sh", "-c", script])).stdout;
}

const fetchFrom = (address: string, port = 80): string =>
  `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 3 ${address} ${port} | tail -1`;

test("refuses at once without endpoints, and leads to the first one that is ready", async (pods) => {
  await pods.createManifest("services");
  await pods.up("client", {
    containers: [{ name: "main", image: "busybox", command: ["sleep", "1000"] }],
    terminationGracePeriodSeconds: 0,
  });
  const address = await addressOf(pods, "web");
  assert.is(await ask(address), "ECONNREFUSED");
  await pods.createFrom(server("web-1"));
  await ready(pods, "web-1");
  await answers(() => ask(address), "web-1");
  assert.is(await ask(address, 81), "ECONNREFUSED");
  assert.is((await inClient(pods, fetchFrom(address))).trim(), "web-1");
  assert.is(await ask(await addressOf(pods, "nobody")), "ECONNREFUSED");
});

test("a pod reaches itself through its Service", async (pods) => {
  const address = await addressOf(pods, "web");
  const { stdout } = await pods.instance.nspod([
    ...["exec", "web-1", "--", "sh", "-c", fetchFrom(address)],
  ]);
  assert.is(stdout.trim(), "web-1");
});

test("ports of the node lead to it, on 127.0.0.1 too", async (pods) => {
  const nodePort = (await service(pods, "web")).spec.ports?.[0]?.nodePort ?? 0;
  assert.ok(nodePort >= 30_000 && nodePort <= 32_767);
  assert.is(await ask("127.0.0.1", nodePort), "web-1");
});

test("uses every pod that is ready, and keeps a client with one when it shall", async (pods) => {
  await pods.createFrom(server("web-2"));
  await ready(pods, "web-2");
  const [address, sticky] = [await addressOf(pods, "web"), await addressOf(pods, "sticky")];
  const seen = new Set<string>();
  await eventually("both pods to answer", 10_000, async () => {
    seen.add(await ask(address));
    return seen.has("web-1") && seen.has("web-2") ? seen : undefined;
  });
  const first = await ask(sticky);
  for (let index = 0; index < 20; index++) assert.is(await ask(sticky), first);
});

test("publishes endpoints as slices, and takes slices of others", async (pods) => {
  const slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";
  const { items } = await pods.client.json<{ items: EndpointSlice[] }>("GET", slices);
  const own = items.find(
    ({ metadata }) => metadata.labels?.["kubernetes.io/service-name"] === "web",
  );
  assert.equal(own?.ports, [{ name: "http", protocol: "TCP", port: 8080 }]);
  assert.equal(
    own?.endpoints?.map(({ targetRef, conditions }) => [targetRef?.name, conditions?.ready]).sort(),
    [
      ["web-1", true],
      ["web-2", true],
    ],
  );
  const { status } = await pods.get("web-2");
  await pods.createObject({
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "written-1", labels: { "kubernetes.io/service-name": "written" } },
    addressType: "IPv4",
    endpoints: [{ addresses: [status?.podIP] }],
    ports: [{ port: 8080 }],
  } as { kind: string });
  const address = await addressOf(pods, "written");
  await answers(() => ask(address), "web-2");
});

test("names resolve in pods", async (pods) => {
  const look = async (name: string): Promise<string> => await inClient(pods, `nslookup ${name}`);
  const address = await addressOf(pods, "web");
  assert.match(await look("web.default.svc.cluster.local"), `Address: ${address}`);
  assert.match(await look("alias.default.svc.cluster.local"), `Address: ${address}`);
  const [one, two] = await Promise.all(["web-1", "web-2"].map((name) => pods.get(name)));
  const peers = await look("peers.default.svc.cluster.local");
  assert.match(peers, `Address: ${one?.status?.podIP}`);
  assert.match(peers, `Address: ${two?.status?.podIP}`);
  const named = await look("web-2.peers.default.svc.cluster.local");
  assert.match(named, `Address: ${two?.status?.podIP}`);
  assert.match(await look("missing.default.svc.cluster.local"), "NXDOMAIN");
  const file = await inClient(pods, "cat /etc/resolv.conf; env");
  assert.match(file, /^search default\.svc\.cluster\.local svc\.cluster\.local cluster\.local/m);
  assert.match(file, /^options ndots:5$/m);
  assert.match(file, `WEB_SERVICE_HOST=${address}`);
});

test("loses no request while its pods are replaced", async (pods) => {
  const address = await addressOf(pods, "web");
  const bodies: string[] = [];
  let isOver = false;
  const asking = (async () => {
    while (!isOver) bodies.push(await ask(address));
  })();
  for (const [fresh, old] of [
    ["web-3", "web-1"],
    ["web-4", "web-2"],
  ] as const) {
    await pods.createFrom(server(fresh));
    await ready(pods, fresh);
    await pods.instance.must(["delete", "pod", old]);
  }
  isOver = true;
  await asking;
  assert.equal(
    bodies.filter((body) => !body.startsWith("web-")),
    [],
  );
  assert.ok(bodies.length > 50, `${bodies.length} requests`);
}, 60_000);

test("is refused again when its Service is gone", async (pods) => {
  const address = await addressOf(pods, "web");
  await pods.deleteObject("Service", "web");
  await answers(() => ask(address), "ECONNREFUSED");
});

run();
