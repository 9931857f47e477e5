// The floors of src/README.md: a folder imports only from lower floors, never sideways or up, and a
// package (or a Node module) that carries a privilege is imported only in the folder that owns it.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const FLOORS: Readonly<Record<string, number>> = {
  base: 0,
  spec: 1,
  sys: 1,
  image: 2,
  cgroup: 2,
  net: 2,
  volume: 2,
  container: 2,
  scheduler: 2,
  shim: 2,
  store: 2,
  pod: 3,
  agent: 4,
  apiserver: 4,
  controller: 4,
  cri: 4,
  daemon: 5,
  cli: 6,
};

const GATES: Readonly<Record<string, string>> = {
  "ffi-napi": "sys",
  "ref-napi": "sys",
  "tar-stream": "image",
  commander: "cli",
  "node:sqlite": "store",
  "@grpc/grpc-js": "cri",
};

const SOURCE = join(import.meta.dirname, "../../src");

interface Import {
  readonly file: string;
  readonly folder: string;
  readonly target: string;
}

const files = readdirSync(SOURCE, { recursive: true, encoding: "utf8" }).filter((name) =>
  name.endsWith(".ts"),
);

const imports: readonly Import[] = files.flatMap((file) => {
  const text = readFileSync(join(SOURCE, file), "utf8");
  const found = text.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\(\s*)"([^"\n]+)"/g);
  return [...found].map((match) => ({
    file,
    folder: file.split("/")[0] ?? "",
    target: match[1] ?? "",
  }));
});

const floors = suite("floors");

floors("every folder of src with code has a floor", () => {
  const folders = new Set(files.map((file) => file.split("/")[0] ?? ""));
  const unknown = [...folders].filter((folder) => FLOORS[folder] === undefined);
  assert.equal(unknown, [], `add to FLOORS or move: ${unknown.join(", ")}`);
});

floors("a folder imports only from lower floors", () => {
  const breaks = imports
    .filter(({ target }) => target.startsWith("."))
    .flatMap(({ file, folder, target }) => {
      const to = relative(SOURCE, join(SOURCE, dirname(file), target));
      const toFolder = to.split("/")[0] ?? "";
      const floor = FLOORS[folder] ?? -1;
      if (toFolder === folder || (FLOORS[toFolder] ?? 99) < floor) return [];
      const allowed = Object.keys(FLOORS).filter((name) => (FLOORS[name] ?? 99) < floor);
      return [`src/${file} imports src/${to}; ${folder} may import from: ${allowed.join(" ")}`];
    });
  assert.is(breaks.join("\n"), "");
});

floors("a gated package is imported only in its folder", () => {
  const breaks = imports.flatMap(({ file, folder, target }) => {
    const owner = GATES[target];
    return owner === undefined || owner === folder
      ? []
      : [`src/${file} imports ${target}; only src/${owner} may`];
  });
  assert.is(breaks.join("\n"), "");
});

floors("the command line imports no package when it is needed", () => {
  const breaks = files.filter(
    (file) =>
      file.startsWith("cli/") &&
      /import\("(?!\.|node:)/.test(readFileSync(join(SOURCE, file), "utf8")),
  );
  assert.equal(
    breaks,
    [],
    "in its parts (Makefile) such a package has no names: wrap what is used",
  );
});

floors("only entry points end the process", () => {
  const entries = ["cli/main.ts", "daemon/main.ts", "image/worker.ts"];
  const breaks = files.filter((file) => {
    if (entries.includes(file)) return false;
    const code = readFileSync(join(SOURCE, file), "utf8");
    return /\bprocess\.(?:exit|abort|reallyExit)\(/.test(
      code.replace(/\/\/.*|\/\*[\s\S]*?\*\//g, ""),
    );
  });
  assert.equal(breaks, [], `only ${entries.join(", ")} may call process.exit`);
});

floors.run();
