import { suite } from "uvu";
import * as assert from "uvu/assert";
import { debugContainer, nameSuffix } from "../../../src/cli/debug-container.ts";
import { debugProfiles } from "../../../src/cli/debug-profiles.ts";
import type { Pod } from "../../../src/spec/pod.ts";

const pod = {
  metadata: { name: "web", namespace: "default" },
  spec: { containers: [{ name: "main", image: "x" }] },
} as unknown as Pod;

const debug = suite("debugContainer()");

debug("makes what kubectl makes", () => {
  const options = { image: "tools", target: "main", env: ["A=b=c"], profile: "general" } as const;
  assert.equal(debugContainer(pod, ["sh"], options, "x2x2x"), {
    name: "debugger-x2x2x",
    image: "tools",
    targetContainerName: "main",
    command: ["sh"],
    env: [{ name: "A", value: "b=c" }],
    securityContext: { capabilities: { add: ["SYS_PTRACE"] } },
    stdin: false,
    tty: false,
    terminationMessagePolicy: "File",
  });
});

debug("gives each profile its rights", () => {
  const contexts = debugProfiles.map(
    (profile) => debugContainer(pod, [], { image: "tools", profile }, "x").securityContext,
  );
  assert.equal(contexts.slice(3, 5), [
    { capabilities: { add: ["NET_ADMIN", "NET_RAW"] } },
    { privileged: true },
  ]);
  assert.is(contexts[1], undefined);
  assert.is(contexts[2]?.runAsNonRoot, true);
});

debug("refuses what cannot be", () => {
  const profile = "general";
  assert.throws(() => debugContainer(pod, [], { profile }, "x"), /must specify --image/);
  assert.throws(
    () => debugContainer(pod, [], { image: "t", target: "no", profile }, "x"),
    /has no container "no"/,
  );
  assert.throws(
    () => debugContainer(pod, [], { image: "t", container: "main", profile }, "x"),
    /has a container "main" already/,
  );
  assert.throws(() => debugContainer(pod, [], { image: "t", env: ["A"], profile }, "x"), /--env/);
});

debug("names end with five letters that spell nothing", () => {
  assert.match(nameSuffix(Math.random), /^[bcdfghjklmnpqrstvwxz2456789]{5}$/);
});

debug.run();
