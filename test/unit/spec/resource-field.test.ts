import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Container, Pod } from "../../../src/spec/pod.ts";
import {
  checkDivisor,
  checkResourceField,
  resourceValue,
} from "../../../src/spec/resource-field.ts";

const pod: Pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web", namespace: "default", uid: "" },
  spec: { containers: [] },
};
const container: Container = {
  name: "main",
  image: "x",
  resources: {
    limits: { cpu: "1500m", memory: "100Mi", "hugepages-2Mi": "4Mi" },
    requests: { cpu: "250m", memory: "0" },
  },
};
const allocatable = { cpu: "4", memory: "8Gi", "ephemeral-storage": "10Gi" };

const ask = (resource: string, divisor?: string, of: Container = container): string =>
  resourceValue({ resource, ...(divisor === undefined ? {} : { divisor }) }, pod, of, allocatable);

const value = suite("resourceValue()");

for (const [resource, divisor, expected] of [
  ["limits.cpu", undefined, "2"],
  ["limits.cpu", "0", "2"],
  ["limits.cpu", "1m", "1500"],
  ["requests.cpu", "1", "1"],
  ["limits.memory", "1Mi", "100"],
  ["limits.memory", "1M", "105"],
  ["limits.memory", undefined, "104857600"],
  ["requests.memory", "1Mi", "0"],
  ["limits.hugepages-2Mi", "1Mi", "4"],
  ["limits.ephemeral-storage", "1Gi", "10"],
  ["requests.ephemeral-storage", undefined, "0"],
] as const) {
  value(`${resource} by ${divisor ?? "nothing"} is ${expected}`, () => {
    assert.is(ask(resource, divisor), expected);
  });
}

value("a limit that is missing is the pod's, else what the node can give", () => {
  const bare: Container = { name: "main", image: "x" };
  assert.is(ask("limits.cpu", "1", bare), "4");
  assert.is(ask("requests.cpu", "1", bare), "0");
  const limited: Pod = { ...pod, spec: { ...pod.spec, resources: { limits: { cpu: "3" } } } };
  assert.is(resourceValue({ resource: "limits.cpu" }, limited, bare, allocatable), "3");
});

value("rounds up, never down", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 2 ** 40 }),
      fc.constantFrom(1, 1000, 2 ** 20),
      (n, unit) => {
        const of: Container = {
          name: "m",
          image: "x",
          resources: { limits: { memory: String(n) } },
        };
        const divisor = new Map([
          [1, "1"],
          [1000, "1k"],
          [2 ** 20, "1Mi"],
        ]).get(unit);
        assert.is(Number(ask("limits.memory", divisor, of)), Math.ceil(n / unit));
      },
    ),
  );
});

value.run();

const check = suite("checkResourceField(), checkDivisor()");

check("only resources of containers have a value", () => {
  for (const good of ["limits.cpu", "requests.ephemeral-storage", "limits.hugepages-1Gi"]) {
    assert.is(checkResourceField(good), undefined);
  }
  for (const bad of ["cpu", "limits.pods", "limits.hugepages-", "limit.cpu"]) {
    assert.match(checkResourceField(bad) ?? "", /^must be one of limits.cpu, /);
  }
});

check("divisors are those of Kubernetes", () => {
  assert.is(checkDivisor("limits.cpu", "1m"), undefined);
  assert.is(checkDivisor("limits.memory", "1Ki"), undefined);
  assert.is(checkDivisor("limits.memory", "0"), undefined);
  assert.is(checkDivisor("limits.cpu", "1k"), 'must be one of 1, 1m: got "1k"');
  assert.match(checkDivisor("limits.memory", "2") ?? "", /^must be one of 1, 1k, /);
});

check.run();
