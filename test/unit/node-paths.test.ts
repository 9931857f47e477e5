// security: R1. Node has no openat: a name that somebody else can exchange is looked up along his links. So a
// file that gives names to node:fs stands here, with the reason why nobody else has a hand in them; whatever
// lies in a root file system, a volume or an image is reached by programs of system calls instead.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const reasons = {
  own: "folders of the instance, which are root's alone (0700), by names that are ids or our own words",
  kernel: "/proc, /sys and the cgroup tree of the host",
  program: "files that come with nspod",
  policy: "what the user, or who set up the machine, names in a command line or an environment",
  confined:
    "a helper that is confined to the one folder it may touch, and opens what it names without links",
} as const;

const allowed: Readonly<Record<keyof typeof reasons, string>> = {
  own: `
    agent/ephemeral-storage agent/kubeconfig apiserver/pki apiserver/pki-files apiserver/server
    base/atomic-write base/watch-changes container/seccomp container/skeleton
    daemon/daemon daemon/dismantle daemon/folders daemon/kubelet-pki daemon/lock daemon/run-agent
    image/import-images image/layout image/lock image/save-images image/store
    pod/attempt pod/command-runner pod/host-files pod/remove-pod pod/sandbox pod/termination-message
    shim/client shim/connection shim/launch shim/log-files
    store/database store/log-file store/reserve sys/trash
    volume/config-volume volume/empty-dir volume/image-volume volume/local-path volume/prepare
    volume/propagation volume/service-account-tokens`,
  kernel: `
    agent/node-facts cgroup/hierarchy cgroup/huge-pages cgroup/usage cli/find-owned cli/seccomp-audit
    container/devices daemon/engine-context net/bridge net/dns net/node-address pod/resize
    shim/namespace-holder sys/features sys/kernel-probes sys/mountinfo sys/procfs`,
  program: `
    apiserver/descriptions cli/daemon-process cli/output-format cli/start image/run-worker shim/binary
    spec/descriptions.generate spec/kubernetes.generate spec/protobuf.generate sys/native-path`,
  policy: `
    cli/commands/change cli/commands/cp cli/commands/create-new cli/commands/edit cli/commands/image
    cli/commands/image-load cli/commands/kubeconfig cli/commands/set cli/commands/system
    cli/kustomize/build cli/manifests image/early-unpacking image/read-archive`,
  confined: `
    image/held-entry image/pack-tree image/staged-members image/unpack-layer image/unpack-tree image/worker`,
};

/** Calls that take a descriptor and no name. */
const byDescriptor = /^(?:close|fchmod|fdatasync|fstat|fsync|ftruncate|read|write)(?:Sync)?$/;

const source = join(import.meta.dirname, "../../src");
const modules = new Set(["node:fs", "node:fs/promises", "fs", "fs/promises"]);

/** Names that a file imports of node:fs; "*" for the whole module. */
function imported(file: ts.SourceFile): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (
      ts.isImportDeclaration(node) &&
      modules.has((node.moduleSpecifier as ts.StringLiteral).text)
    ) {
      const bindings = node.importClause?.namedBindings;
      if (bindings && ts.isNamedImports(bindings)) {
        const names = bindings.elements.filter(({ isTypeOnly }) => !isTypeOnly);
        found.push(...names.map(({ name, propertyName }) => (propertyName ?? name).text));
      } else if (node.importClause?.phaseModifier !== ts.SyntaxKind.TypeKeyword) found.push("*");
    }
    // require("node:fs"), import("node:fs"), process.getBuiltinModule("node:fs")
    if (ts.isCallExpression(node)) {
      const [first] = node.arguments;
      if (first && ts.isStringLiteralLike(first) && modules.has(first.text)) found.push("*");
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

const users = new Map(
  readdirSync(source, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => {
      const text = readFileSync(join(source, name), "utf8");
      return [name.slice(0, -3), ts.createSourceFile(name, text, ts.ScriptTarget.Latest)] as const;
    })
    .map(([name, file]) => [name, imported(file)] as const)
    .filter(([, names]) => names.length > 0),
);

const paths = suite("names that Node looks up");

paths("are given by the listed files only", () => {
  const listed = Object.values(allowed).flatMap((text) => text.trim().split(/\s+/));
  assert.is(new Set(listed).size, listed.length, "one reason each");
  const byName = [...users]
    .filter(([, names]) => names.some((name) => !byDescriptor.test(name) && name !== "constants"))
    .map(([name]) => name);
  assert.equal(
    byName.filter((name) => !listed.includes(name)),
    [],
    "each with a reason",
  );
  assert.equal(
    listed.filter((name) => !byName.includes(name)),
    [],
    "none that names nothing any more",
  );
});

paths("are seen: nobody imports the whole of node:fs, or walks, copies and resolves trees", () => {
  const wide = /^(?:\*|default|promises|cp|cpSync|glob|globSync|opendir|opendirSync)$/;
  for (const [name, names] of users) {
    if (name.endsWith(".generate")) continue;
    assert.equal(
      names.filter((each) => wide.test(each)),
      [],
      name,
    );
    // Follows every link on the way, by design.
    if (name !== "cli/kustomize/build")
      assert.not(
        names.some((each) => /^realpath/.test(each)),
        name,
      );
  }
});

paths.run();
