// What a container's programs look like as a whole: golden listings, reviewed like code.
// UPDATE_GOLDEN=1 rewrites them.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type CompiledProcess, compileContainer } from "../../../src/container/compile.ts";
import { compileExec, compileReaper, planExec } from "../../../src/container/exec.ts";
import { planContainer } from "../../../src/container/plan.ts";
import { explain } from "../../../src/sys/explain.ts";
import { planInput } from "./plan-input.ts";

const container = planContainer(
  planInput({
    container: {
      command: ["serve", "--port", "80"],
      workingDir: "/srv",
      volumeMounts: [
        { name: "data", mountPath: "/data", subPath: "web", readOnly: true },
        { name: "host", mountPath: "/etc/app.conf" },
      ],
      securityContext: { readOnlyRootFilesystem: true },
    },
    image: { volumes: ["/cache"] },
    input: {
      imageUser: { uid: 1000, gid: 1000, groups: [1000, 44], name: "app", home: "/home/app" },
      volumes: new Map([
        [
          "data",
          {
            name: "data",
            source: "/pods/1f/volumes/data",
            kind: "emptyDir",
            isFile: false,
            nosuidNodev: true,
          },
        ],
        [
          "host",
          {
            name: "host",
            source: "/srv/app.conf",
            kind: "hostPath",
            isFile: true,
            nosuidNodev: false,
          },
        ],
      ]),
    },
  }),
);

function text({ programs }: CompiledProcess): string {
  return [programs.prelude, programs.program, programs.postlude]
    .flatMap((program) => (program && program.operations.length > 0 ? [explain(program)] : []))
    .join("\n");
}

const cases: readonly (readonly [string, () => CompiledProcess])[] = [
  ["container", () => compileContainer(container)],
  [
    "exec-tty",
    () => compileExec(planExec(container, { command: ["/bin/sh"], tty: true, stdin: true })),
  ],
  ["reaper", () => compileReaper(9)],
];

const listings = suite("listings");

for (const [name, compile] of cases) {
  listings(`of ${name}`, () => {
    const path = join(import.meta.dirname, "golden", `${name}.txt`);
    const now = text(compile());
    if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(path, now);
    assert.fixture(now, readFileSync(path, "utf8"));
  });
}

listings.run();
