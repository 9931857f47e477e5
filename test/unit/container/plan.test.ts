// planContainer(): Kubernetes semantics and the sandbox of security: B, as data.
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { defaultCapabilities } from "../../../src/container/capabilities.ts";
import { planContainer } from "../../../src/container/plan.ts";
import { CAPABILITY_NAMES } from "../../../src/spec/capabilities.ts";
import type { SecurityContext } from "../../../src/spec/pod.ts";
import { type InputChanges, planInput, someFilter } from "./plan-input.ts";
import { throwsPodError } from "./throws-pod-error.ts";

const plan = (changes: InputChanges = {}) => planContainer(planInput(changes));
const secured = (securityContext: SecurityContext) => plan({ container: { securityContext } });

const command = suite("planContainer(): command and environment");

command("takes Entrypoint and Cmd of the image when the pod names nothing", () => {
  const image = { entrypoint: ["/entry"], cmd: ["serve"] };
  assert.equal(plan({ image, container: { command: [] } }).argv, ["/entry", "serve"]);
  assert.equal(plan({ image, container: { command: [], args: ["x"] } }).argv, ["/entry", "x"]);
  assert.equal(plan({ image, container: { command: ["a"] } }).argv, ["a"]);
  assert.equal(plan({ image, container: { command: ["a"], args: ["b"] } }).argv, ["a", "b"]);
});

command("refuses a container without any command", () => {
  throwsPodError(
    () => plan({ container: { command: [] } }),
    "CreateContainerError",
    'Container "web" has no command, and its image "busybox" names none',
  );
});

command(
  "expands $(VAR) with the container's variables only, and leaves the image's text alone",
  () => {
    const env = [
      { name: "A", value: "1" },
      // Resolved already: nothing in a value is expanded.
      { name: "B", value: "$(A)$$(C)" },
      { name: "C", value: "3" },
    ];
    const image = { env: ["D=4"], entrypoint: ["$(A)"], cmd: ["$(A)"] };
    const made = plan({ image, container: { env, command: ["$(B)", "$(D)"], args: ["$(C)"] } });
    assert.equal(made.argv, ["$(A)$$(C)", "$(D)", "3"]);
    assert.ok(made.environment.includes("B=$(A)$$(C)"));
    assert.equal(plan({ image, container: { env, command: [] } }).argv, ["$(A)", "$(A)"]);
  },
);

command("lets the container's variables win over the image's, and those over ours", () => {
  const image = { env: ["PATH=/opt", "LANG=C", "=nonsense", "nothing", "HOSTNAME=other"] };
  const made = plan({ image, container: { env: [{ name: "LANG", value: "de" }], tty: true } });
  assert.equal(made.environment, [
    "PATH=/opt",
    "HOSTNAME=other",
    "TERM=xterm",
    "LANG=de",
    "HOME=/root",
  ]);
  assert.equal(plan().environment, [
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOSTNAME=pod",
    "HOME=/root",
  ]);
});

command("starts in the container's, else the image's, else the root directory", () => {
  assert.is(plan().workingDir, "/");
  assert.is(plan({ image: { workingDir: "/srv" } }).workingDir, "/srv");
  const both = { image: { workingDir: "/srv" }, container: { workingDir: "/opt" } };
  assert.is(plan(both).workingDir, "/opt");
});

command.run();

const security = suite("planContainer(): security");

security("gives podman's eleven capabilities, no new privileges, and a filter", () => {
  const made = plan();
  assert.equal(made.capabilities.toSorted(), defaultCapabilities.toSorted());
  assert.is(made.capabilities.length, 11);
  assert.ok(made.noNewPrivileges);
  assert.equal(made.seccomp, { ...someFilter, origin: "default seccomp profile" });
  assert.ok(made.rootFilesystem.noDevices);
  assert.equal(made.devices, []);
});

security("adds and drops capabilities as Kubernetes does", () => {
  const capabilities = (add: string[], drop: string[]) =>
    secured({ capabilities: { add, drop } }).capabilities;
  assert.equal(capabilities([], ["ALL"]), []);
  assert.equal(capabilities(["NET_BIND_SERVICE"], ["ALL"]), ["NET_BIND_SERVICE"]);
  assert.equal(capabilities(["ALL"], []), CAPABILITY_NAMES);
  assert.not(capabilities(["ALL"], ["SYS_ADMIN"]).includes("SYS_ADMIN"));
  assert.ok(capabilities(["CAP_NET_RAW"], []).includes("NET_RAW"));
  assert.not(capabilities(["MKNOD"], ["MKNOD"]).includes("MKNOD"));
  throwsPodError(
    () => capabilities(["FLY"], []),
    undefined,
    'spec.containers[0].securityContext.capabilities.add: "FLY" is no capability',
  );
});

security("privileged has everything of the host but its limits and namespaces", () => {
  const made = secured({ privileged: true });
  assert.equal(made.capabilities, CAPABILITY_NAMES);
  assert.not(made.noNewPrivileges);
  assert.is(made.seccomp, undefined);
  assert.equal(made.deviceRules, [{ type: "a", access: "rwm" }]);
  assert.equal(
    made.devices.map(({ path }) => path),
    ["fuse", "net/tun"],
  );
  assert.not(made.rootFilesystem.noDevices);
  assert.is(made.pidNamespace, "container");
  assert.equal(made.limits, plan().limits);
});

security("privileged is what nspod itself has, where that is less than everything", () => {
  const changes = { container: { securityContext: { privileged: true } } };
  const made = plan({ ...changes, input: { nodeCapabilities: ["KILL"] } });
  assert.equal(made.capabilities, ["KILL"]);
});

security("leaves no_new_privs out only when it is asked for or would make no sense", () => {
  assert.ok(secured({ allowPrivilegeEscalation: false }).noNewPrivileges);
  assert.not(secured({ allowPrivilegeEscalation: true }).noNewPrivileges);
  assert.not(secured({ capabilities: { add: ["SYS_ADMIN"] } }).noNewPrivileges);
});

/** Whether everything that `a` may do, `b` may do as well. */
function isWithin(a: ReturnType<typeof plan>, b: ReturnType<typeof plan>): boolean {
  return (
    a.capabilities.every((name) => b.capabilities.includes(name)) &&
    (a.noNewPrivileges || !b.noNewPrivileges) &&
    (a.seccomp !== undefined || b.seccomp === undefined) &&
    (a.privileged ? b.privileged : true) &&
    (a.rootFilesystem.noDevices || !b.rootFilesystem.noDevices)
  );
}

security("never takes away by privileged what the container has without it", () => {
  const name = fc.constantFrom("ALL", ...CAPABILITY_NAMES);
  const context = fc.record(
    {
      capabilities: fc.record({
        add: fc.array(name, { maxLength: 4 }),
        drop: fc.array(name, { maxLength: 4 }),
      }),
      allowPrivilegeEscalation: fc.boolean(),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(context, (securityContext) => {
      const normal = secured(securityContext);
      const privileged = secured({ ...securityContext, privileged: true });
      assert.ok(isWithin(normal, privileged));
      const restricted = secured({
        capabilities: { drop: ["ALL"] },
        allowPrivilegeEscalation: false,
      });
      assert.ok(isWithin(restricted, normal));
    }),
  );
});

security("refuses root under runAsNonRoot with the kubelet's words", () => {
  const refuse = (changes: InputChanges, text: string) =>
    throwsPodError(
      () => plan(changes),
      "CreateContainerConfigError",
      `${text} (pod: "pod_default(1f)", container: web)`,
    );
  const container = { securityContext: { runAsNonRoot: true } };
  refuse({ container }, "container has runAsNonRoot and image will run as root");
  refuse(
    { spec: { securityContext: { runAsNonRoot: true } } },
    "container has runAsNonRoot and image will run as root",
  );
  refuse(
    { container, image: { user: "app:app" } },
    "container has runAsNonRoot and image has non-numeric user (app), cannot verify user is non-root",
  );
  refuse(
    { container: { securityContext: { runAsNonRoot: true, runAsUser: 0 } } },
    "container's runAsUser breaks non-root policy",
  );
});

security("takes a number for a user that is not root", () => {
  const imageUser = { uid: 1000, gid: 0, groups: [0], name: "", home: "/" };
  const container = { securityContext: { runAsNonRoot: true } };
  const made = plan({ container, image: { user: "1000" }, input: { imageUser } });
  assert.is(made.user.uid, 1000);
  const opposite = { securityContext: { runAsNonRoot: false } };
  const spec = { securityContext: { runAsNonRoot: true } };
  assert.is(plan({ container: opposite, spec }).user.uid, 0);
});

security.run();

const rest = suite("planContainer(): the rest");

rest("scores memory by quality of service", () => {
  const score = (requests: Record<string, string>, limits: Record<string, string> = {}) =>
    plan({ container: { resources: { requests, limits } } }).oomScoreAdj;
  assert.is(score({}), 1000);
  assert.is(score({ cpu: "1", memory: "1Mi" }, { cpu: "1", memory: "1Mi" }), -997);
  assert.is(score({ cpu: "1" }), 999);
  assert.is(score({ memory: "512Mi" }), 500);
  assert.is(score({ memory: "8Gi" }), 3);
});

rest("knows three PID namespaces", () => {
  assert.is(plan().pidNamespace, "container");
  assert.is(plan({ spec: { shareProcessNamespace: true } }).pidNamespace, "pod");
  assert.is(plan({ spec: { hostPID: true } }).pidNamespace, "host");
});

rest("names the field of an init container", () => {
  assert.is(plan({ input: { list: "initContainers", index: 3 } }).field, "spec.initContainers[3]");
});

rest.run();
