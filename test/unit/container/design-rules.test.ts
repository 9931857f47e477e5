// compileContainer(), compileExec(), compileReaper(): rules that keep whole families of holes away, asked of every
// operation of the programs: mounts by descriptor, names in the root relative to it, the last steps and their order.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { compileContainer } from "../../../src/container/compile.ts";
import { compileExec, compileReaper, planExec } from "../../../src/container/exec.ts";
import { type ContainerPlan, planContainer } from "../../../src/container/plan.ts";
import { K } from "../../../src/sys/abi.ts";
import type { Operand, Operation, Program } from "../../../src/sys/program.ts";
import { type InputChanges, planInput } from "./plan-input.ts";

const volume = (name: string, isFile: boolean) =>
  ({ name, source: `/srv/${name}`, kind: "hostPath", isFile, nosuidNodev: false }) as const;

/** A container with everything that content can name: working directory, volumes of the image, mount paths. */
const rich: InputChanges = {
  image: { workingDir: "/content/wd", volumes: ["/content/volume"] },
  container: {
    volumeMounts: [
      { name: "folder", mountPath: "/content/a/b", subPath: "content/sub" },
      { name: "file", mountPath: "/content/file", readOnly: true },
      { name: "folder", mountPath: "/content/c", mountPropagation: "HostToContainer" },
    ],
  },
  input: {
    volumes: new Map([
      ["folder", volume("folder", false)],
      ["file", volume("file", true)],
    ]),
  },
};

const plans: Readonly<Record<string, ContainerPlan>> = {
  plain: planContainer(planInput()),
  rich: planContainer(planInput(rich)),
  terminal: planContainer(
    planInput({ ...rich, container: { ...rich.container, tty: true, stdin: true } }),
  ),
  readOnly: planContainer(
    planInput({
      ...rich,
      container: { ...rich.container, securityContext: { readOnlyRootFilesystem: true } },
    }),
  ),
  users: planContainer(
    planInput({
      ...rich,
      input: { ...rich.input, users: { namespace: "/run/1f/u", base: 65_536 } },
    }),
  ),
  privileged: planContainer(
    planInput({ ...rich, container: { ...rich.container, securityContext: { privileged: true } } }),
  ),
};

const rules = suite("programs of containers");

function textOf(operand: Operand | undefined): string {
  if (operand === undefined) return "";
  if (typeof operand !== "object") return String(operand);
  return operand.kind === "pool" ? operand.text : `R${operand.number}`;
}

function lineOf({ name, operands }: Operation): string {
  return [name, ...operands.map(textOf)].join(" ");
}

const start = (plan: ContainerPlan): readonly Operation[] =>
  compileContainer(plan).programs.program.operations;

/** Calls that take a folder and a name. */
const relative = ["openat", "openat2", "mkdirat", "mknodat", "symlinkat", "unlinkat", "open_tree"];

function startsAtCwd({ name, operands }: Operation): boolean {
  const folder = operands[name === "symlinkat" ? 1 : 0];
  return relative.includes(name) && folder === K.AT_FDCWD;
}

for (const [kind, plan] of Object.entries(plans)) {
  rules(
    `${kind}: mount(2) sets propagation and makes the overlay, everything else goes by descriptor`,
    () => {
      const lines = start(plan).map(lineOf);
      const mounts = lines.filter((line) => line.startsWith("mount "));
      assert.is(mounts.length, 2, mounts.join("\n"));
      assert.match(mounts[0] ?? "", /^mount "none" "\/" 0 \d+ 0$/);
      assert.match(mounts[1] ?? "", /^mount "overlay" "\/run\/root" "overlay" /);
      for (const line of lines.filter((each) => each.startsWith("move_mount "))) {
        // Onto a descriptor, or by a name of our own in a folder of our own; once where the root will be, and over the layers.
        assert.match(
          line,
          /^move_mount (?:R\d+|\d+) "" (?:R\d+ "[a-z0-9_-]*"|-100 "\/(?:run\/root|layers|skeleton)") \d+$/,
        );
      }
      assert.equal(
        lines.filter((line) => /^umount2 /.test(line)),
        [`umount2 "." ${K.MNT_DETACH}`],
      );
    },
  );

  rules(`${kind}: what content names is never looked up from the host's root`, () => {
    const wrong = start(plan)
      .filter(startsAtCwd)
      .map(lineOf)
      .filter((line) => line.includes("content"));
    assert.equal(wrong, []);
    for (const operation of start(plan).filter(({ name }) => name === "openat2")) {
      assert.match(
        lineOf(operation),
        /resolve=(?:[A-Z_|]*IN_ROOT[A-Z_|]*NO_MAGICLINKS|BENEATH\|NO_SYMLINKS)/,
      );
    }
    const own = ["/pods/1f/", "/skeleton", "/layers", "/run/", "/f/", "/srv/", "/proc/self/"];
    const paths = start(plan)
      .filter(startsAtCwd)
      .map(({ name, operands }) => textOf(operands[name === "symlinkat" ? 2 : 1]));
    for (const path of paths) {
      assert.ok(
        own.some((top) => path.startsWith(`"${top}`)),
        path,
      );
    }
  });

  rules(`${kind}: after pivot_root no name is looked up but the program's`, () => {
    const all = start(plan);
    const pivot = all.findIndex(({ name }) => name === "pivot_root");
    assert.ok(pivot > 0);
    const later = all.slice(pivot + 1).filter(({ operands }) =>
      // A text of the pool that is a path: values of environment and words are behind RELOC.
      operands.some((operand) => textOf(operand).startsWith('"')),
    );
    const allowed = /^(?:umount2 "\."|chdir "\/"|execve )/;
    assert.equal(
      later.map(lineOf).filter((line) => !allowed.test(line)),
      [],
    );
  });
}

/** The steps from the last close_range on, by what they are. */
function lastSteps(program: Program): string[] {
  const lines = program.operations.map(lineOf);
  const from = lines.findLastIndex((line) => line.startsWith("close_range "));
  const kinds: readonly (readonly [RegExp, string])[] = [
    [/^close_range /, "close_range"],
    [/^setns /, "users"],
    [/^prctl 24 /, "bounding set"],
    [/^setgroups /, "groups"],
    [/^setresgid /, "gid"],
    [/^setresuid /, "uid"],
    [/^capset /, "capabilities"],
    [new RegExp(`^prctl ${K.PR_SET_NO_NEW_PRIVS} 1 `), "no_new_privs"],
    [/^seccomp /, "seccomp"],
    [/^execve(?:at)? /, "exec"],
  ];
  const steps = lines
    .slice(from)
    .flatMap((line) => kinds.find(([pattern]) => pattern.test(line))?.[1] ?? []);
  // Tries of the same step count once.
  return steps.filter((step, index) => step !== steps[index - 1]);
}

const order = [
  "close_range",
  "bounding set",
  "groups",
  "gid",
  "uid",
  "capabilities",
  "no_new_privs",
  "seccomp",
  "exec",
];

rules(
  "the last steps are the same for the first process, exec and our own programs in a container",
  () => {
    const { plain } = plans;
    if (plain === undefined) throw new Error("no plan");
    const request = { command: ["true"], tty: false, stdin: false };
    const programs = {
      start: compileContainer(plain).programs.program,
      exec: compileExec(planExec(plain, request)).programs.program,
      binary: compileExec(planExec(plain, { ...request, binary: "/lib/copy" })).programs.program,
    };
    for (const [name, program] of Object.entries(programs)) {
      assert.equal(lastSteps(program), order, name);
    }
    const reaper = compileReaper(4).programs.program;
    assert.equal(
      lastSteps(reaper),
      order.filter((step) => step !== "seccomp"),
    );
  },
);

rules(
  "the working directory is a descriptor that was opened in the root, entered before descriptors close",
  () => {
    for (const [kind, plan] of Object.entries(plans)) {
      const request = { command: ["true"], tty: false, stdin: false };
      const all = [
        compileContainer(plan).programs.program,
        compileExec(planExec(plan, request)).programs.program,
      ];
      for (const program of all) {
        const lines = program.operations.map(lineOf);
        const close = lines.findLastIndex((line) => line.startsWith("close_range "));
        const enter = lines.slice(0, close).findLastIndex((line) => /^f?chdir /.test(line));
        assert.match(lines[enter] ?? "", /^fchdir R\d+$/, kind);
        assert.is(
          lines.slice(close).findIndex((line) => /chdir /.test(line)),
          -1,
          kind,
        );
      }
    }
  },
);

rules.run();
