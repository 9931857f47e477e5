// What pods need to reach the API: the certificate in every namespace, and the Service kubernetes.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { systemClock } from "../../../src/base/clock.ts";
import { createLogger } from "../../../src/base/log.ts";
import { ApiService, withdrawApiService } from "../../../src/controller/api-service.ts";
import type { Controller, ControllerContext } from "../../../src/controller/controller.ts";
import { ControllerLoop } from "../../../src/controller/controller-loop.ts";
import { ObjectCache } from "../../../src/controller/object-cache.ts";
import { RootCaPublisher } from "../../../src/controller/root-ca-publisher.ts";
import { ServiceAllocator } from "../../../src/controller/service-allocator.ts";
import { ServiceState } from "../../../src/controller/service-state.ts";
import type {
  ConfigMap,
  EndpointSlice,
  Namespace,
  Service,
} from "../../../src/spec/kubernetes.gen.ts";
import { deleteObject } from "../../../src/store/delete-object.ts";
import { eventually } from "../../support/eventually.ts";
import { Controllers } from "./controllers.ts";

const log = createLogger("silent");
const serviceSubnet = "10.96.0.0/24";
let all: Controllers;
let parts: Disposable[];

function before(): void {
  all = new Controllers().start();
  parts = [];
}

function after(): void {
  for (const part of parts.reverse()) part[Symbol.dispose]();
  all.stop();
}

const authority = suite("RootCaPublisher");
authority.before.each(before);
authority.after.each(after);

function publish(certificate: string): void {
  run((context) => new RootCaPublisher(context, certificate));
}

function run(make: (context: ControllerContext) => Controller<Namespace>): void {
  const cache = new ObjectCache(all.store, ["Namespace"]);
  const context = { store: all.store, cache, clock: systemClock, log, create, report: () => {} };
  const loop = new ControllerLoop(make(context), context);
  parts.push(cache, loop);
  cache.start();
  loop.start();
}

function create(): never {
  throw new Error("They write to the store themselves");
}

function certificateIn(namespace: string): ConfigMap["data"] {
  return all.store.get<ConfigMap>("ConfigMap", namespace, "kube-root-ca.crt")?.data;
}

function newNamespace(name: string): Namespace {
  return all.store.create<Namespace>({
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name, namespace: "", uid: `uid-${name}` },
    spec: { finalizers: ["kubernetes"] },
    status: { phase: "Active" },
  });
}

authority("is in every namespace at once, and soon in a new one", async () => {
  publish("PEM");
  await all.settled();
  for (const name of ["default", "kube-system", "kube-public", "kube-node-lease"]) {
    assert.equal(certificateIn(name), { "ca.crt": "PEM" }, name);
  }
  newNamespace("shop");
  await all.settled();
  assert.equal(certificateIn("shop"), { "ca.crt": "PEM" });
});

authority("is put back when somebody deletes or changes it, and follows a new one", async () => {
  publish("PEM");
  await all.settled();
  all.store.delete("ConfigMap", "default", "kube-root-ca.crt");
  await all.settled();
  assert.equal(certificateIn("default"), { "ca.crt": "PEM" });
  all.store.mutate<ConfigMap>("ConfigMap", "default", "kube-root-ca.crt", (map) => ({
    ...map,
    data: { ...map.data, more: "x" },
  }));
  await all.settled();
  assert.equal(certificateIn("default"), { "ca.crt": "PEM" });
  for (const part of parts.splice(0)) part[Symbol.dispose]();
  publish("NEW");
  await all.settled();
  assert.equal(certificateIn("default"), { "ca.crt": "NEW" });
});

authority("does not keep a namespace from ending", async () => {
  publish("PEM");
  const namespace = newNamespace("shop");
  await all.settled();
  deleteObject(all.store, namespace, { nowMs: 0 });
  assert.not(await all.has("Namespace", "shop", ""));
  assert.is(certificateIn("shop"), undefined);
});

authority.run();

const service = suite("ApiService");
service.before.each(before);
service.after.each(after);

async function serve(port: number): Promise<ServiceState> {
  const { store } = all;
  const state = new ServiceState(store);
  const allocator = new ServiceAllocator(serviceSubnet, state);
  const allocate = (wish: Service): Service => allocator.allocate(wish);
  const address = "127.0.0.1";
  parts.push(state);
  run((context) => new ApiService(context, { serviceSubnet, allocate, address, port }));
  await all.settled();
  return state;
}

function find(): Service | undefined {
  return all.store.get<Service>("Service", "default", "kubernetes");
}

function found(): Service {
  const service = find();
  if (service === undefined) throw new Error("The Service kubernetes is not there");
  return service;
}

service("has the first address, and leads to where the daemon listens", async () => {
  const state = await serve(6443);
  const { spec, metadata } = found();
  assert.equal(metadata.labels, { component: "apiserver", provider: "kubernetes" });
  assert.equal(
    [spec.type, spec.clusterIP, spec.clusterIPs],
    ["ClusterIP", "10.96.0.1", ["10.96.0.1"]],
  );
  assert.equal(spec.ports, [{ name: "https", port: 443, protocol: "TCP", targetPort: 6443 }]);
  const [known] = state.services();
  assert.equal(known && state.addresses(known), [
    {
      address: "127.0.0.1",
      ports: { https: 6443 },
      isReady: true,
      isServing: true,
      isTerminating: false,
    },
  ]);
});

service("is mended when somebody changes or deletes it, and keeps what is not ours", async () => {
  await serve(6443);
  const { uid } = found().metadata;
  all.store.mutate<Service>("Service", "default", "kubernetes", (now) => ({
    ...now,
    metadata: { ...now.metadata, labels: { mine: "yes" } },
    spec: { ...now.spec, ports: [] },
  }));
  await all.settled();
  assert.equal(found().metadata.labels, {
    mine: "yes",
    component: "apiserver",
    provider: "kubernetes",
  });
  assert.is(found().spec.ports?.[0]?.port, 443);
  all.store.delete("Service", "default", "kubernetes");
  all.store.delete("EndpointSlice", "default", "kubernetes");
  await all.settled();
  assert.is.not(found().metadata.uid, uid);
  assert.ok(all.store.get("EndpointSlice", "default", "kubernetes"));
});

service("follows another port, and a second start changes nothing", async () => {
  await serve(6443);
  const before = all.store.resourceVersion;
  await serve(6443);
  assert.is(all.store.resourceVersion, before);
  for (const part of parts.splice(0)) part[Symbol.dispose]();
  await serve(7443);
  assert.is(found().spec.ports?.[0]?.targetPort, 7443);
  const slice = all.store.get<EndpointSlice>("EndpointSlice", "default", "kubernetes");
  assert.is(slice?.ports?.[0]?.port, 7443);
});

service("is withdrawn when nobody listens, unless it is a user's own", async () => {
  await serve(6443);
  for (const part of parts.splice(0)) part[Symbol.dispose]();
  withdrawApiService(all.store);
  assert.is(find(), undefined);
  assert.is(all.store.get("EndpointSlice", "default", "kubernetes"), undefined);
  withdrawApiService(all.store);
  all.create("Service", "kubernetes");
  withdrawApiService(all.store);
  assert.ok(find());
});

service("waits for the address that another one has", async () => {
  const other = {
    apiVersion: "v1" as const,
    kind: "Service" as const,
    metadata: { name: "other", namespace: "default", uid: "u" },
    spec: { clusterIP: "10.96.0.1", clusterIPs: ["10.96.0.1"], ports: [] },
  };
  all.store.create<Service>(other);
  await serve(6443);
  assert.is(find(), undefined);
  all.store.delete("Service", "default", "other");
  assert.ok(await eventually("the Service kubernetes", 10_000, find));
});

service.run();
