// The pod of `run NAME --image`.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { newPod } from "../../../src/cli/new-pod.ts";

const pod = suite("newPod");
const options = { image: "busybox", restart: "Always" } as const;

pod("has kubectl's shape", () => {
  assert.equal(newPod("web", [], options), {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "web", labels: { run: "web" } },
    spec: { restartPolicy: "Always", containers: [{ name: "web", image: "busybox" }] },
  });
});

pod("says what the options say", () => {
  const { metadata, ...rest } = newPod("web", ["sh", "-c", "true"], {
    ...options,
    imagePullPolicy: "Never",
    command: true,
    env: ["A=b=c"],
    port: "80",
    labels: "app=web,tier=front",
    restart: "OnFailure",
    privileged: true,
    stdin: true,
    tty: true,
  });
  assert.equal(metadata.labels, { app: "web", tier: "front" });
  assert.equal(rest["spec"], {
    restartPolicy: "OnFailure",
    containers: [
      {
        name: "web",
        image: "busybox",
        imagePullPolicy: "Never",
        command: ["sh", "-c", "true"],
        env: [{ name: "A", value: "b=c" }],
        ports: [{ containerPort: 80 }],
        securityContext: { privileged: true },
        stdin: true,
        stdinOnce: true,
        tty: true,
      },
    ],
  });
});

pod("words are arguments unless they are the command", () => {
  const { spec } = newPod("web", ["date"], options) as unknown as {
    readonly spec: { readonly containers: readonly object[] };
  };
  assert.equal(spec.containers, [{ name: "web", image: "busybox", args: ["date"] }]);
});

pod("refuses what cannot be meant", () => {
  assert.throws(() => newPod("web", [], { ...options, command: true }), /--command: write/);
  assert.throws(() => newPod("web", [], { ...options, tty: true }), /-t needs -i/);
  assert.throws(() => newPod("web", [], { ...options, env: ["A"] }), /--env: must be NAME=VALUE/);
  assert.throws(() => newPod("web", [], { ...options, port: "http" }), /--port/);
});

pod.run();
