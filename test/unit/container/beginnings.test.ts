// Beginnings: what is remembered is byte for byte what compiling anew gives, for any pod of the same shape and for those
// of other shapes.
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Beginnings } from "../../../src/container/beginnings.ts";
import { type CompiledProcess, compileContainer } from "../../../src/container/compile.ts";
import { compileExec, planExec } from "../../../src/container/exec.ts";
import { type ContainerPlan, planContainer } from "../../../src/container/plan.ts";
import type { PreparedVolume } from "../../../src/spec/prepared-volume.ts";
import { Program } from "../../../src/sys/program.ts";
import { type InputChanges, planInput } from "./plan-input.ts";

const anyChanges: fc.Arbitrary<InputChanges> = fc.record({
  container: fc.record({
    tty: fc.boolean(),
    stdin: fc.boolean(),
    command: fc.array(fc.constantFrom("sh", "/bin/true", "pod", "x".repeat(40)), { minLength: 1 }),
    workingDir: fc.constantFrom("", "/", "/a/b"),
    volumeMounts: fc.subarray([
      { name: "data", mountPath: "/data" },
      { name: "data", mountPath: "/part", subPath: "a/b", readOnly: true },
      { name: "data", mountPath: "/joined", mountPropagation: "HostToContainer" as const },
    ]),
    securityContext: fc.record({
      privileged: fc.boolean(),
      readOnlyRootFilesystem: fc.boolean(),
      seccompProfile: fc.constantFrom(
        { type: "RuntimeDefault" as const },
        { type: "Unconfined" as const },
      ),
    }),
  }),
  spec: fc.record({ shareProcessNamespace: fc.boolean() }),
  input: fc.record({
    hostname: fc.constantFrom("web-0", "a-name-that-is-longer"),
    layers: fc.constantFrom(["/layers/a"], ["/layers/a", "/layers/b"]),
    cpuNames: fc.constantFrom(["cpu0"], ["cpu0", "cpu1"]),
    imageUser: fc.constantFrom(
      { uid: 0, gid: 0, groups: [0], name: "root", home: "/root" },
      { uid: 1000, gid: 1000, groups: [7, 8], name: "u", home: "/" },
    ),
    users: fc.constantFrom(undefined, { namespace: "/run/userns", base: 655_360 }),
  }),
});

/** As the engine makes it: everything of the pod lies in folders that its uid names. */
function planOf(uid: string, changes: InputChanges): ContainerPlan {
  const data: PreparedVolume = {
    name: "data",
    source: `/pods/${uid}/volumes/data`,
    kind: "emptyDir",
    isFile: false,
    nosuidNodev: false,
  };
  return planContainer(
    planInput({
      ...changes,
      input: {
        folder: `/pods/${uid}/containers/web/0`,
        shmFolder: `/run/pods/${uid}/shm`,
        files: { hosts: "/f/hosts", hostname: "/f/name", resolvConf: `/run/pods/${uid}/etc/r` },
        volumes: new Map([["data", data]]),
        ...changes.input,
      },
    }),
  );
}

/** Starts and execs with and without a program of our own. */
function compileAll(plan: ContainerPlan, uid: string, beginnings?: Beginnings): CompiledProcess[] {
  const begin = beginnings?.ofPod(uid);
  const request = { command: ["ls", uid], tty: plan.tty, stdin: plan.stdin };
  return [
    compileContainer(plan, begin),
    compileExec(planExec(plan, request), begin),
    compileExec(planExec(plan, { ...request, binary: "/lib/copy" }), begin),
  ];
}

function encoded(all: readonly CompiledProcess[]): readonly string[] {
  return all.map(({ programs }) => programs.program.encode().toString("hex"));
}

const beginnings = suite("Beginnings");

beginnings("what is remembered equals what is compiled anew, byte for byte", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.uuid(), anyChanges), { minLength: 1, maxLength: 4 }),
      fc.uuid(),
      (pods, other) => {
        const remembered = new Beginnings();
        // Every shape a second time, by a pod of another uid.
        const again = pods.map(([, changes]) => [other, changes] as const);
        for (const [uid, changes] of [...pods, ...again]) {
          const plan = planOf(uid, changes);
          const anew = compileAll(plan, uid);
          const found = compileAll(plan, uid, remembered);
          assert.equal(encoded(found), encoded(anew));
          assert.equal(
            found.map(({ programs }) => programs.program.operations.length),
            anew.map(({ programs }) => programs.program.operations.length),
          );
        }
      },
    ),
    { numRuns: 60 },
  );
});

const uids = ["a", "b"].map((digit) => `${digit.repeat(8)}-0000-4000-8000-${digit.repeat(12)}`);
const [first = "", second = ""] = uids;

beginnings("a shape is compiled once, whatever the uid, command and variables", () => {
  const remembered = new Beginnings();
  let times = 0;
  const compile = (): Program => {
    times++;
    return new Program("beginning");
  };
  const begin = (uid: string, changes: InputChanges): void => {
    const { argv: _, environment: _variables, ...rest } = planOf(uid, changes);
    remembered.ofPod(uid)(rest, compile);
  };
  begin(first, { container: { command: ["a"] }, input: { hostname: "web-0" } });
  begin(second, { container: { command: ["b", "c"] }, input: { hostname: "a-longer-name" } });
  assert.is(times, 1);
  begin(second, { container: { tty: true } });
  assert.is(times, 2);
});

beginnings("the shape that was not used for longest is forgotten first", () => {
  const remembered = new Beginnings();
  const compiled: string[] = [];
  const compile = ({ workingDir }: { readonly workingDir: string }): Program => {
    compiled.push(workingDir);
    return new Program("beginning");
  };
  const begin = (workingDir: string): void => {
    remembered.ofPod(first)({ seccomp: undefined, workingDir }, compile);
  };
  begin("used");
  begin("unused");
  for (let index = 0; index < 23; index++) {
    begin(`other ${index}`);
    begin("used");
  }
  begin("unused");
  assert.is(compiled.filter((each) => each === "used").length, 1);
  assert.is(compiled.filter((each) => each === "unused").length, 2);
});

beginnings("programs of one shape share no bytes: the C core writes into them", () => {
  const remembered = new Beginnings();
  const plan = planOf(first, {});
  const before = encoded(compileAll(plan, first, remembered));
  for (const { programs } of compileAll(plan, first, remembered)) programs.program.encode().fill(7);
  assert.equal(encoded(compileAll(plan, first, remembered)), before);
});

beginnings("listings name the operations of this pod, not of the one that was compiled", () => {
  const remembered = new Beginnings();
  compileAll(planOf(first, {}), first, remembered);
  const [found] = compileAll(planOf(second, {}), second, remembered);
  const texts = found?.programs.program.operations.flatMap(({ operands }) =>
    operands.flatMap((operand) =>
      typeof operand === "object" && operand.kind === "pool" ? [operand.text] : [],
    ),
  );
  assert.ok(texts?.some((text) => text.includes(second)));
  assert.not(texts?.some((text) => text.includes(first)));
});

beginnings("filters of other content are other shapes", () => {
  const remembered = new Beginnings();
  for (const byte of [1, 2]) {
    const program = Buffer.alloc(8, byte);
    const plan = planOf(first, { input: { seccomp: () => ({ program, logs: false }) } });
    assert.equal(encoded(compileAll(plan, first, remembered)), encoded(compileAll(plan, first)));
  }
});

beginnings("a plan that its text would not tell from others is refused", () => {
  const begin = new Beginnings().ofPod(first);
  const compile = (): Program => new Program("beginning");
  for (const odd of [new Map([["a", 1]]), new Set(), Buffer.from("a"), Number.NaN, compile]) {
    assert.throws(() => begin({ seccomp: undefined, at: [{ odd }] }, compile), /no plain data/);
  }
  begin({ seccomp: undefined, at: [{ nothing: undefined, yes: true, two: 2, text: "" }] }, compile);
});

beginnings("a uid of another form is compiled anew", () => {
  const remembered = new Beginnings();
  for (const uid of ["1f", "static-web", "2f"]) {
    const plan = planOf(uid, {});
    assert.equal(encoded(compileAll(plan, uid, remembered)), encoded(compileAll(plan, uid)));
  }
});

beginnings.run();
