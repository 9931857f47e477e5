// The slices of a Service follow its pods, and are put back when somebody changes them.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { newObject } from "../../../src/apiserver/create-object.ts";
import type { EndpointSlice, Service } from "../../../src/spec/kubernetes.gen.ts";
import type { Pod } from "../../../src/spec/pod.ts";
import { Cluster } from "./cluster.ts";

const test = suite("EndpointSlices");
let cluster: Cluster;

test.before.each(async () => {
  cluster = new Cluster();
  const wish = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "front", namespace: "default", uid: "" },
    spec: { selector: { app: "web" }, ports: [{ port: 80, targetPort: 8080 }] },
  } as Service;
  const { store, clock } = cluster;
  store.create(newObject({ store, mountsTokens: false }, wish, clock.now()));
  await cluster.settled();
});

test.after.each(() => {
  cluster.stop();
});

function slices(): readonly EndpointSlice[] {
  return cluster.store.list<EndpointSlice>("EndpointSlice").items;
}

/** `10.0.0.1 ready`: the endpoints of all slices, sorted. */
function endpoints(): readonly string[] {
  return slices()
    .flatMap((slice) => slice.endpoints ?? [])
    .map(({ addresses, conditions }) => `${addresses[0]} ${conditions?.ready ? "ready" : "not"}`)
    .sort();
}

/** Gives the pods addresses: 10.0.0.1, 10.0.0.2 … */
async function address(): Promise<void> {
  for (const [index, { metadata }] of cluster.pods().entries()) {
    cluster.store.mutate<Pod>("Pod", "default", metadata.name, (pod) => ({
      ...pod,
      status: { ...pod.status, podIP: pod.status?.podIP ?? `10.0.0.${index + 1}` },
    }));
  }
  await cluster.settled();
}

test("an empty slice, then the pods that have an address, as they are", async () => {
  assert.is(slices().length, 1);
  assert.equal(endpoints(), []);
  await cluster.create("Deployment", { replicas: 2 });
  assert.equal(endpoints(), []);
  await address();
  assert.equal(endpoints(), ["10.0.0.1 not", "10.0.0.2 not"]);
  await cluster.ready();
  assert.equal(endpoints(), ["10.0.0.1 ready", "10.0.0.2 ready"]);
  assert.equal(slices().at(-1)?.ports, [{ name: "", protocol: "TCP", port: 8080 }]);
  await cluster.change("Deployment", { replicas: 0 });
  assert.equal(endpoints(), []);
});

test("a pod whose labels change leaves", async () => {
  await cluster.create("Deployment", { replicas: 1 });
  await address();
  await cluster.ready();
  const [pod] = cluster.pods();
  cluster.store.mutate<Pod>("Pod", "default", pod?.metadata.name ?? "", (now) => ({
    ...now,
    metadata: { ...now.metadata, labels: { app: "quarantine" } },
  }));
  await cluster.settled();
  assert.equal(endpoints(), []);
});

test("a slice that somebody deletes or changes comes back; one of somebody else stays", async () => {
  await cluster.create("Deployment", { replicas: 1 });
  await address();
  await cluster.ready();
  const [own] = slices();
  const { name = "" } = own?.metadata ?? {};
  cluster.store.delete("EndpointSlice", "default", name);
  await cluster.settled();
  assert.equal(endpoints(), ["10.0.0.1 ready"]);
  cluster.store.mutate<EndpointSlice>("EndpointSlice", "default", name, (now) => ({
    ...now,
    endpoints: [],
  }));
  await cluster.settled();
  assert.equal(endpoints(), ["10.0.0.1 ready"]);
  cluster.store.create<EndpointSlice>({
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: "written",
      namespace: "default",
      uid: "w",
      labels: { "kubernetes.io/service-name": "front" },
    },
    addressType: "IPv4",
    endpoints: [{ addresses: ["10.9.9.9"] }],
  });
  await cluster.settled();
  assert.equal(endpoints(), ["10.0.0.1 ready", "10.9.9.9 not"]);
});

test.run();
