import { suite } from "uvu";
import * as assert from "uvu/assert";
import { defaultPod } from "../../../src/spec/default-pod.ts";
import type { Container, Pod, PodSpec } from "../../../src/spec/pod.ts";
import { validatePod } from "../../../src/spec/validate-pod.ts";

const lifecycle = suite("rules of restarts, ephemeral containers and deadlines");

const app: Container = { name: "app", image: "busybox:1" };

function complaints(spec: Partial<PodSpec>): string[] {
  const metadata = { name: "demo", namespace: "default", uid: "1" };
  const pod: Pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata,
    spec: { containers: [app], ...spec },
  };
  const issues = validatePod(defaultPod(pod, { randomSuffix: () => "x7k2p" }));
  return issues.map(({ path, message }) => `${path}: ${String(message)}`);
}

const ofContainer = (container: Partial<Container>): string[] =>
  complaints({ containers: [{ ...app, ...container }] }).map((complaint) =>
    complaint.replace(/^spec\.containers\[0\]\./, ""),
  );

const rule = (exitCodes?: { operator: string; values?: number[] }, action = "Restart") => ({
  action,
  ...(exitCodes && { exitCodes }),
});

lifecycle("take policies and rules of containers", () => {
  assert.equal(
    ofContainer({
      restartPolicy: "Never",
      restartPolicyRules: [
        rule({ operator: "In", values: [42] }),
        rule({ operator: "NotIn", values: [0, 255] }, "RestartAllContainers"),
      ],
    }),
    [],
  );
  assert.equal(
    complaints({ initContainers: [{ ...app, name: "a", restartPolicy: "Always" }] }),
    [],
  );
});

lifecycle("refuse what a rule cannot mean", () => {
  assert.equal(ofContainer({ restartPolicy: "Sometimes" }), [
    'restartPolicy: must be one of "Always", "OnFailure", "Never": got "Sometimes"',
  ]);
  assert.equal(ofContainer({ restartPolicyRules: [rule({ operator: "In", values: [1] })] }), [
    "restartPolicyRules: must not be set without restartPolicy",
  ]);
  const bad = [
    rule(),
    rule({ operator: "Is", values: [256, -1] }, "Stop"),
    rule({ operator: "In" }),
  ];
  assert.equal(ofContainer({ restartPolicy: "Never", restartPolicyRules: bad }), [
    "restartPolicyRules[0]: must have exitCodes",
    'restartPolicyRules[1].action: must be one of "Restart", "RestartAllContainers": got "Stop"',
    'restartPolicyRules[1].exitCodes.operator: must be one of "In", "NotIn": got "Is"',
    "restartPolicyRules[1].exitCodes.values[0]: must be between 0 and 255: got 256",
    "restartPolicyRules[1].exitCodes.values[1]: must be between 0 and 255: got -1",
    "restartPolicyRules[2].exitCodes.values: must have 1 to 255 exit codes: got 0",
  ]);
  const many = Array.from({ length: 21 }, () => rule({ operator: "In", values: [1] }));
  assert.equal(ofContainer({ restartPolicy: "Never", restartPolicyRules: many }), [
    "restartPolicyRules: must have at most 20 rules: got 21",
  ]);
});

lifecycle("an ephemeral container has a name of its own, a target, and no subPath", () => {
  const debug = { name: "debug", image: "busybox:1" };
  assert.equal(complaints({ ephemeralContainers: [{ ...debug, targetContainerName: "app" }] }), []);
  assert.equal(
    complaints({
      volumes: [{ name: "data", emptyDir: {} }],
      ephemeralContainers: [
        { ...debug, name: "app" },
        {
          ...debug,
          targetContainerName: "web",
          volumeMounts: [{ name: "data", mountPath: "/data", subPath: "a" }],
        },
      ],
    }),
    [
      'spec.ephemeralContainers[0].name: must be unique in the pod: got "app" again',
      'spec.ephemeralContainers[1].targetContainerName: must be the name of a container of the pod: got "web"',
      "spec.ephemeralContainers[1].volumeMounts[0].subPath: must not be set on an ephemeral container",
    ],
  );
});

lifecycle("a deadline is a number of seconds, a readiness gate a qualified name", () => {
  assert.equal(complaints({ activeDeadlineSeconds: 1 }), []);
  assert.equal(complaints({ activeDeadlineSeconds: 0 }), [
    "spec.activeDeadlineSeconds: must be between 1 and 2147483647: got 0",
  ]);
  const [complaint] = complaints({ readinessGates: [{ conditionType: "a b" }] });
  assert.match(complaint ?? "", /^spec\.readinessGates\[0\]\.conditionType: /);
});

lifecycle.run();
