// Rules of the fields that say where a pod may run: what is taken, and the place of what is not.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { IssueList } from "../../../src/spec/field-issue.ts";
import type { Container, PodSpec } from "../../../src/spec/pod.ts";
import { validateResizePolicy } from "../../../src/spec/validate-resize-policy.ts";
import { validateScheduling } from "../../../src/spec/validate-scheduling.ts";

/** `path: message` of each complaint. */
function complaints(spec: Partial<PodSpec>): readonly string[] {
  const { issues, report } = new IssueList();
  validateScheduling({ containers: [], ...spec }, report);
  return issues.map(({ path, message }) => `${path}: ${message}`);
}

const validate = suite("validateScheduling()");

const nodeTerms = (...nodeSelectorTerms: readonly object[]): Partial<PodSpec> => ({
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms },
    },
  } as NonNullable<PodSpec["affinity"]>,
});
const node = "spec.affinity.nodeAffinity";
const terms = `${node}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms`;

const podTerms = (...required: readonly object[]): Partial<PodSpec> => ({
  affinity: {
    podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: required },
  } as NonNullable<PodSpec["affinity"]>,
});
const pods = "spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution";

const spread = { maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "DoNotSchedule" } as const;

const good: readonly (readonly [string, Partial<PodSpec>])[] = [
  ["nothing", {}],
  ["a node and a selector", { nodeName: "n1", nodeSelector: { "a.b/c": "d" } }],
  [
    "every operator",
    nodeTerms({
      matchExpressions: [
        { key: "a", operator: "In", values: ["b"] },
        { key: "a", operator: "Exists" },
        { key: "a", operator: "Gt", values: ["-1"] },
      ],
      matchFields: [{ key: "metadata.name", operator: "NotIn", values: ["n1"] }],
    }),
  ],
  [
    "tolerations",
    {
      tolerations: [
        { operator: "Exists" },
        { key: "a", value: "b", effect: "NoExecute", tolerationSeconds: 0 },
        { key: "a", operator: "Gt", value: "5" },
      ],
    },
  ],
  [
    "spread by two keys",
    { topologySpreadConstraints: [spread, { ...spread, topologyKey: "host", minDomains: 2 }] },
  ],
];

for (const [what, spec] of good) {
  validate(`takes ${what}`, () => assert.equal(complaints(spec), []));
}

const bad: readonly (readonly [string, Partial<PodSpec>, string])[] = [
  ["a node's name", { nodeName: "N 1" }, "spec.nodeName: must be lower-case letters"],
  ["a selector's key", { nodeSelector: { "a b": "c" } }, 'spec.nodeSelector["a b"]: key must be'],
  ["a selector's value", { nodeSelector: { a: "b c" } }, "spec.nodeSelector.a: "],
  ["no terms", nodeTerms(), `${terms}: must have at least one term`],
  [
    "In without values",
    nodeTerms({ matchExpressions: [{ key: "a", operator: "In" }] }),
    `${terms}[0].matchExpressions[0].values: is required for operator In or NotIn`,
  ],
  [
    "Exists with values",
    nodeTerms({ matchExpressions: [{ key: "a", operator: "Exists", values: ["b"] }] }),
    `${terms}[0].matchExpressions[0].values: must be empty`,
  ],
  [
    "Gt of a word",
    nodeTerms({ matchExpressions: [{ key: "a", operator: "Gt", values: ["b"] }] }),
    `${terms}[0].matchExpressions[0].values[0]: must be an integer: got "b"`,
  ],
  [
    "another field",
    nodeTerms({ matchFields: [{ key: "metadata.uid", operator: "In", values: ["a"] }] }),
    `${terms}[0].matchFields[0].key: must be "metadata.name": got "metadata.uid"`,
  ],
  [
    "a weight",
    {
      affinity: {
        nodeAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 0, preference: {} }],
        },
      },
    },
    `${node}.preferredDuringSchedulingIgnoredDuringExecution[0].weight: must be between 1 and 100`,
  ],
  ["no topology", podTerms({ topologyKey: "" }), `${pods}[0].topologyKey: can not be empty`],
  [
    "keys without a selector",
    podTerms({ topologyKey: "a", matchLabelKeys: ["b"] }),
    `${pods}[0].matchLabelKeys: must not be specified when labelSelector is not set`,
  ],
  [
    "a key in both lists",
    podTerms({
      topologyKey: "a",
      labelSelector: {},
      matchLabelKeys: ["b"],
      mismatchLabelKeys: ["b"],
    }),
    `${pods}[0].matchLabelKeys[0]: must not be in both matchLabelKeys and mismatchLabelKeys`,
  ],
  [
    "a toleration of every key with a value",
    { tolerations: [{ value: "a" }] },
    'spec.tolerations[0].operator: must be "Exists" when `key` is empty',
  ],
  [
    "Exists with a value",
    { tolerations: [{ key: "a", operator: "Exists", value: "b" }] },
    "spec.tolerations[0].value: must be empty",
  ],
  [
    "seconds without NoExecute",
    { tolerations: [{ key: "a", tolerationSeconds: 1 }] },
    "spec.tolerations[0].effect: must be 'NoExecute' when `tolerationSeconds` is set",
  ],
  [
    "a word that is compared",
    { tolerations: [{ key: "a", operator: "Lt", value: "b" }] },
    "spec.tolerations[0].value: must be an integer when `operator` is 'Lt': got \"b\"",
  ],
  [
    "a skew of nothing",
    { topologySpreadConstraints: [{ ...spread, maxSkew: 0 }] },
    "spec.topologySpreadConstraints[0].maxSkew: must be greater than zero: got 0",
  ],
  [
    "domains that nothing requires",
    {
      topologySpreadConstraints: [
        { ...spread, whenUnsatisfiable: "ScheduleAnyway", minDomains: 2 },
      ],
    },
    'spec.topologySpreadConstraints[0].minDomains: can only be used with whenUnsatisfiable "DoNotSchedule"',
  ],
  [
    "the same constraint twice",
    { topologySpreadConstraints: [spread, spread] },
    "spec.topologySpreadConstraints[1]: must be unique by topologyKey and whenUnsatisfiable",
  ],
  [
    "a gate twice",
    { schedulingGates: [{ name: "a" }, { name: "a" }] },
    'spec.schedulingGates[1].name: must be unique: got "a" again',
  ],
  [
    "a node for who is gated",
    { schedulingGates: [{ name: "a" }], nodeName: "n1" },
    "spec.nodeName: cannot be set until all schedulingGates have been cleared",
  ],
];

for (const [what, spec, complaint] of bad) {
  validate(`refuses ${what}`, () => {
    const found = complaints(spec);
    assert.is(found.length, 1, found.join("\n"));
    assert.ok(found[0]?.startsWith(complaint), found[0]);
  });
}

validate.run();

const resize = suite("validateResizePolicy()");

function ofPolicy(
  resizePolicy: Container["resizePolicy"],
  restartPolicy: PodSpec["restartPolicy"] = "Always",
): readonly string[] {
  const { issues, report } = new IssueList();
  const container = { name: "c", image: "i", ...(resizePolicy && { resizePolicy }) };
  const spec: PodSpec = { containers: [container], restartPolicy };
  validateResizePolicy(container, "c", { spec, report });
  return issues.map(({ path, message }) => `${path}: ${message}`);
}

resize("knows two resources and two policies, each once", () => {
  const restart = { resourceName: "memory", restartPolicy: "RestartContainer" };
  assert.equal(ofPolicy([{ resourceName: "cpu", restartPolicy: "NotRequired" }, restart]), []);
  assert.equal(ofPolicy([{ resourceName: "disk", restartPolicy: "Never" }]), [
    'c.resizePolicy[0].resourceName: must be one of "cpu", "memory": got "disk"',
    'c.resizePolicy[0].restartPolicy: must be one of "NotRequired", "RestartContainer": got "Never"',
  ]);
  assert.equal(ofPolicy([restart, restart]), [
    'c.resizePolicy[1].resourceName: must be unique: got "memory" again',
  ]);
  assert.equal(ofPolicy([restart], "Never"), [
    "c.resizePolicy[0].restartPolicy: must be 'NotRequired' when `restartPolicy` of the pod is 'Never'",
  ]);
});

resize.run();
