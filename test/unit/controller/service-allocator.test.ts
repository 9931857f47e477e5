import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  apiAddress,
  dnsAddress,
  ServiceAllocator,
} from "../../../src/controller/service-allocator.ts";
import { defaultObject } from "../../../src/spec/admit.ts";
import type { Service, ServiceSpec } from "../../../src/spec/kubernetes.gen.ts";

const subnet = "10.96.0.0/28";

function service(name: string, spec: Partial<ServiceSpec> = {}): Service {
  return defaultObject<Service>(
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace: "default", uid: name },
      spec: { ports: [{ port: 80 }], ...spec },
    },
    { randomSuffix: () => "" },
  );
}

function allocatorOf(services: readonly Service[]): ServiceAllocator {
  return new ServiceAllocator(subnet, { services: () => services.values() });
}

const test = suite("ServiceAllocator");

test("gives every address once, but not those of the network, the name server and the API", () => {
  const given: Service[] = [];
  const allocator = allocatorOf(given);
  for (let index = 0; index < 12; index++) given.push(allocator.allocate(service(`s${index}`)));
  const addresses = new Set(given.map(({ spec }) => spec.clusterIP));
  assert.is(addresses.size, 12);
  for (const taken of ["10.96.0.0", "10.96.0.15", dnsAddress(subnet), apiAddress(subnet)]) {
    assert.not(addresses.has(taken), taken);
  }
  assert.throws(() => allocator.allocate(service("more")), /no address .* is free/);
});

test("keeps the first address for the Service kubernetes", () => {
  const clusterIP = "10.96.0.1";
  assert.is(apiAddress(subnet), clusterIP);
  const allocator = allocatorOf([]);
  assert.throws(() => allocator.allocate(service("a", { clusterIP })), /already allocated/);
  assert.is(allocator.allocate(service("kubernetes", { clusterIP })).spec.clusterIP, clusterIP);
});

test("keeps what a Service has, and refuses what another one has", () => {
  const first = allocatorOf([]).allocate(service("a", { type: "NodePort" }));
  assert.equal(allocatorOf([first]).allocate(first), first);
  const { clusterIP = "" } = first.spec;
  const nodePort = first.spec.ports?.[0]?.nodePort ?? 0;
  const other = allocatorOf([first]);
  assert.throws(() => other.allocate(service("b", { clusterIP })), /already allocated/);
  const ports = [{ port: 80, nodePort }];
  assert.throws(
    () => other.allocate(service("b", { type: "NodePort", ports })),
    /provided port is already allocated/,
  );
});

test("refuses addresses and ports outside of their ranges", () => {
  const allocator = allocatorOf([]);
  assert.throws(() => allocator.allocate(service("a", { clusterIP: "10.97.0.1" })), /valid range/);
  const ports = [{ port: 80, nodePort: 80 }];
  assert.throws(
    () => allocator.allocate(service("a", { type: "NodePort", ports })),
    /range of valid ports is 30000-32767/,
  );
});

test("a Service that becomes an alias gives its address and ports back", () => {
  const full = allocatorOf([]).allocate(service("a", { type: "NodePort" }));
  const { spec } = allocatorOf([full]).allocate({
    ...full,
    spec: { ...full.spec, type: "ExternalName", externalName: "x.y" },
  });
  assert.is(spec.clusterIP, undefined);
  assert.is(spec.ports?.[0]?.nodePort, undefined);
});

test("headless Services have no address", () => {
  assert.is(allocatorOf([]).allocate(service("a", { clusterIP: "None" })).spec.clusterIP, "None");
});

test.run();
