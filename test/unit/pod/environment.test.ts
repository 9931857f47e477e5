import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isPodError } from "../../../src/base/errors.ts";
import type { PodEvent } from "../../../src/pod/context.ts";
import {
  type EnvironmentFacts,
  plannedEnvironment,
  resolveEnvironment,
} from "../../../src/pod/environment.ts";
import type { Container } from "../../../src/spec/pod.ts";
import { pod } from "./fixtures.ts";

const base64 = (content: string | Buffer): string => Buffer.from(content).toString("base64");

const objects: Readonly<Record<string, object>> = {
  "ConfigMap/default/a": { data: { A: "1", B: "$(A)", "=": "x", "y=z": "x" } },
  "ConfigMap/default/b": { data: { A: "2" } },
  "Secret/default/s": {
    data: {
      A: base64("3"),
      word: base64("$(A) é"),
      nul: base64("a\0b"),
      raw: base64(Buffer.from([255])),
    },
  },
};

const facts: EnvironmentFacts = {
  nodeName: "node",
  hostIPs: ["192.0.2.1"],
  podIPs: ["10.0.0.2"],
  allocatable: () => ({ cpu: "4" }),
  readFile: (volume, path) =>
    volume === "v" && path === "env" ? Buffer.from("K='v'\n") : undefined,
};

interface Resolved {
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly events: readonly PodEvent[];
}

function resolve(container: Partial<Container>, more: Partial<EnvironmentFacts> = {}): Resolved {
  const events: PodEvent[] = [];
  const context = {
    objects: {
      // The test stores what the caller asks for.
      get: <T>(kind: string, namespace: string, name: string) =>
        objects[`${kind}/${namespace}/${name}`] as T | undefined,
    },
    report: (_pod: unknown, event: PodEvent) => {
      events.push(event);
    },
  };
  const whole = { name: "app", image: "x", ...container };
  const list = resolveEnvironment(context, pod(), whole, { ...facts, ...more });
  return { variables: Object.fromEntries(list.map(({ name, value }) => [name, value])), events };
}

const test = suite("resolveEnvironment()");

test("imports come first, later ones win, and env wins over all", () => {
  const { variables } = resolve({
    envFrom: [
      { configMapRef: { name: "a" } },
      { configMapRef: { name: "b" } },
      { prefix: "S_", secretRef: { name: "s", optional: true } },
    ].slice(0, 2),
    env: [
      { name: "C", value: "$(A)" },
      { name: "B", value: "own" },
    ],
  });
  assert.equal(variables, { A: "2", B: "own", C: "2" });
});

test("only a value is expanded, with what stands before it", () => {
  const { variables } = resolve({
    env: [
      { name: "EARLY", value: "$(A)" },
      { name: "A", valueFrom: { secretKeyRef: { name: "s", key: "word" } } },
      { name: "LATE", value: "$(A) $$(A) $(NONE)" },
    ],
  });
  assert.equal(variables, { EARLY: "$(A)", A: "$(A) é", LATE: "$(A) é $(A) $(NONE)" });
});

test("keys that cannot be names are skipped, and told", () => {
  const { variables, events } = resolve({ envFrom: [{ configMapRef: { name: "a" } }] });
  assert.equal(variables, { A: "1", B: "$(A)" });
  assert.equal(events, [
    {
      type: "Warning",
      reason: "InvalidEnvironmentVariableNames",
      message:
        "Keys [=, y=z] from the EnvFrom configMap default/a were skipped since they are considered invalid environment variable names.",
    },
  ]);
});

test("what is optional and missing is left out", () => {
  const { variables } = resolve({
    envFrom: [{ configMapRef: { name: "none", optional: true } }],
    env: [
      { name: "A", valueFrom: { configMapKeyRef: { name: "none", key: "k", optional: true } } },
      { name: "B", valueFrom: { secretKeyRef: { name: "s", key: "none", optional: true } } },
      {
        name: "C",
        valueFrom: { fileKeyRef: { volumeName: "v", path: "no", key: "K", optional: true } },
      },
      {
        name: "D",
        valueFrom: { fileKeyRef: { volumeName: "v", path: "env", key: "L", optional: true } },
      },
      { name: "E", valueFrom: { fileKeyRef: { volumeName: "v", path: "env", key: "K" } } },
      { name: "F", valueFrom: { fieldRef: { fieldPath: "metadata.labels['none']" } } },
      { name: "G", valueFrom: { resourceFieldRef: { resource: "limits.cpu" } } },
    ],
  });
  assert.equal(variables, { E: "v", F: "", G: "4" });
});

for (const [words, container, message] of [
  [
    "a ConfigMap",
    { env: [{ name: "A", valueFrom: { configMapKeyRef: { name: "none", key: "k" } } }] },
    'configmap "none" not found',
  ],
  ["a Secret to import", { envFrom: [{ secretRef: { name: "none" } }] }, 'secret "none" not found'],
  [
    "a key of a ConfigMap",
    { env: [{ name: "A", valueFrom: { configMapKeyRef: { name: "a", key: "k" } } }] },
    "couldn't find key k in ConfigMap default/a",
  ],
  [
    "a key of a Secret",
    { env: [{ name: "A", valueFrom: { secretKeyRef: { name: "s", key: "k" } } }] },
    "couldn't find key k in Secret default/s",
  ],
  [
    "a file",
    { env: [{ name: "A", valueFrom: { fileKeyRef: { volumeName: "v", path: "no", key: "K" } } }] },
    'file "no" not found in volume "v"',
  ],
  [
    "a key of a file",
    { env: [{ name: "A", valueFrom: { fileKeyRef: { volumeName: "v", path: "env", key: "L" } } }] },
    `couldn't find key L in file "env" of volume "v" in pod default/demo`,
  ],
  [
    "text in a secret",
    { env: [{ name: "A", valueFrom: { secretKeyRef: { name: "s", key: "raw" } } }] },
    "the value of a variable holds bytes that are not UTF-8",
  ],
  [
    "a value without a NUL",
    { env: [{ name: "A", valueFrom: { secretKeyRef: { name: "s", key: "nul" } } }] },
    'the value of variable "A" contains a NUL byte',
  ],
] as const) {
  test(`says in the kubelet's words that ${words} is missing`, () => {
    try {
      resolve(container);
      assert.unreachable("it was resolved");
    } catch (error) {
      assert.ok(isPodError(error), String(error));
      assert.is(error.message, message);
      assert.is(error.data["reason"], "CreateContainerConfigError");
    }
    // A daemon that did not start the container leaves it out.
    assert.equal(resolve(container, { leaveOutMissing: true }).variables, {});
  });
}

test.run();

const planned = suite("plannedEnvironment()");

planned("names sources and looks nothing up", () => {
  const variables = plannedEnvironment({
    envFrom: [{ prefix: "P_", secretRef: { name: "s" } }],
    env: [
      { name: "A", value: "1" },
      { name: "B", value: "$(A)" },
      { name: "C", valueFrom: { secretKeyRef: { name: "s", key: "k" } } },
    ],
  });
  assert.equal(variables, [
    { name: "P_*", value: "<Secret s>" },
    { name: "A", value: "1" },
    { name: "B", value: "1" },
    { name: "C", value: "<secretKeyRef>" },
  ]);
});

planned.run();
