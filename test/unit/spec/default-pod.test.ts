import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decodePod } from "../../../src/spec/decode-json.ts";
import { defaultPod } from "../../../src/spec/default-pod.ts";
import type { Container, Pod } from "../../../src/spec/pod.ts";

const options = { randomSuffix: () => "x7k2p" };

function pod(
  spec: Record<string, unknown>,
  metadata: Record<string, unknown> = { name: "web" },
): Pod {
  return decodePod({ apiVersion: "v1", kind: "Pod", metadata, spec });
}

function firstContainer(
  fields: Record<string, unknown>,
  spec: Record<string, unknown> = {},
): Container | undefined {
  const container = { name: "web", image: "web:1", ...fields };
  return defaultPod(pod({ ...spec, containers: [container] }), options).spec.containers[0];
}

const test = suite("defaultPod()");

test("fills in what an API server fills in", () => {
  const result = defaultPod(
    pod({ containers: [{ name: "web", image: "web:1" }], volumes: [{ name: "v" }] }),
    options,
  );
  assert.equal(result, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "web", namespace: "default", uid: "" },
    spec: {
      containers: [
        {
          name: "web",
          image: "web:1",
          imagePullPolicy: "IfNotPresent",
          resources: {},
          terminationMessagePath: "/dev/termination-log",
          terminationMessagePolicy: "File",
        },
      ],
      volumes: [{ name: "v", emptyDir: {} }],
      restartPolicy: "Always",
      terminationGracePeriodSeconds: 30,
      dnsPolicy: "ClusterFirst",
      enableServiceLinks: true,
      securityContext: {},
      serviceAccount: "default",
      serviceAccountName: "default",
      schedulerName: "default-scheduler",
    },
  });
});

for (const [image, policy] of [
  ["web", "Always"],
  ["web:latest", "Always"],
  ["web:1", "IfNotPresent"],
  ["host:5000/web", "Always"],
  ["host:5000/web:2", "IfNotPresent"],
  [`web@sha256:${"a".repeat(64)}`, "IfNotPresent"],
  [`web:latest@sha256:${"a".repeat(64)}`, "Always"],
] as const) {
  test(`pulls ${image.slice(0, 24)} ${policy}`, () => {
    assert.is(firstContainer({ image })?.imagePullPolicy, policy);
  });
}

test("completes a generated name, cut so that it stays a name of 63 characters", () => {
  const spec = { containers: [] };
  assert.is(defaultPod(pod(spec, { generateName: "web-" }), options).metadata.name, "web-x7k2p");
  const long = defaultPod(pod(spec, { generateName: "w".repeat(70) }), options);
  assert.is(long.metadata.name, `${"w".repeat(58)}x7k2p`);
  assert.is(defaultPod(pod(spec, { name: "a", generateName: "web-" }), options).metadata.name, "a");
});

test("requests what is limited, and writes quantities canonically", () => {
  assert.equal(
    firstContainer({
      resources: { limits: { cpu: 0.5, memory: "1024Ki" }, requests: { cpu: "100m" } },
    })?.resources,
    {
      limits: { cpu: "500m", memory: "1Mi" },
      requests: { cpu: "100m", memory: "1Mi" },
    },
  );
  assert.equal(firstContainer({ resources: { requests: { cpu: "1000m" } } })?.resources, {
    requests: { cpu: "1" },
  });
});

test("publishes the container's ports on the host network", () => {
  const ports = [{ containerPort: 80 }, { containerPort: 81, hostPort: 81, protocol: "UDP" }];
  assert.equal(firstContainer({ ports }, { hostNetwork: true })?.ports, [
    { containerPort: 80, hostPort: 80, protocol: "TCP" },
    { containerPort: 81, hostPort: 81, protocol: "UDP" },
  ]);
  assert.equal(firstContainer({ ports })?.ports?.[0], { containerPort: 80, protocol: "TCP" });
});

test("gives a hostPath its type and keeps a sizeLimit canonical", () => {
  const volumes = [
    { name: "a", hostPath: { path: "/a" } },
    { name: "b", emptyDir: { sizeLimit: "2048Ki" } },
  ];
  assert.equal(defaultPod(pod({ containers: [], volumes }), options).spec.volumes, [
    { name: "a", hostPath: { path: "/a", type: "" } },
    { name: "b", emptyDir: { sizeLimit: "2Mi" } },
  ]);
});

test("changes nothing the second time, and nothing that was written", () => {
  const quantity = fc.constantFrom("1", "0.5", "1500m", "64Mi", "1e3", "2000Ki");
  const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(value);
  const container = fc.record({
    name: fc.constantFrom("a", "b"),
    image: fc.constantFrom("web", "web:1", "web:latest"),
    imagePullPolicy: optional(fc.constantFrom("Always", "Never")),
    ports: optional(
      fc.array(fc.record({ containerPort: fc.nat(65_535), hostPort: optional(fc.nat(65_535)) })),
    ),
    resources: optional(
      fc.record({
        limits: optional(fc.dictionary(fc.constantFrom("cpu", "memory"), quantity)),
        requests: optional(fc.dictionary(fc.constantFrom("cpu", "memory"), quantity)),
      }),
    ),
    terminationMessagePath: optional(fc.constant("/x")),
  });
  const spec = fc.record({
    containers: fc.array(container),
    initContainers: optional(fc.array(container)),
    hostNetwork: optional(fc.boolean()),
    restartPolicy: optional(fc.constantFrom("Never", "OnFailure")),
    volumes: optional(
      fc.array(
        fc.record({
          name: fc.string(),
          emptyDir: optional(fc.record({ sizeLimit: optional(quantity) })),
        }),
      ),
    ),
  });
  fc.assert(
    fc.property(spec, optional(fc.constant("web-")), (value, generateName) => {
      const written = pod(value, { generateName });
      const frozen = JSON.stringify(written);
      const once = defaultPod(written, options);
      assert.is(JSON.stringify(written), frozen);
      assert.equal(defaultPod(once, { randomSuffix: () => "other" }), once);
      assert.is(once.spec.restartPolicy, written.spec.restartPolicy ?? "Always");
    }),
  );
});
test.run();
