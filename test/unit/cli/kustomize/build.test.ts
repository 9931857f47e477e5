import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { buildKustomization } from "../../../../src/cli/kustomize/build.ts";

const build = suite("buildKustomization()");
let folder = "";

build.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), "nspod-kustomize-"));
});

build.after.each(() => {
  rmSync(folder, { recursive: true, force: true });
});

function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

const pod = `
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  containers:
    - name: main
      image: nginx:1
      envFrom: [{configMapRef: {name: settings}}]
  volumes: [{name: v, secret: {secretName: key}}]
`;

build("makes ConfigMaps and Secrets with the hashes that kubectl documents", () => {
  write({
    "application.properties": "FOO=Bar\n",
    "password.txt": "username=admin\npassword=secret\n",
    "kustomization.yaml": `
configMapGenerator:
  - {name: example-configmap-1, files: [application.properties]}
  - {name: example-configmap-2, literals: [FOO=Bar]}
secretGenerator:
  - {name: example-secret-1, files: [password.txt]}
`,
  });
  assert.equal(
    buildKustomization(folder).map(({ metadata }) => metadata.name),
    [
      "example-configmap-1-8mbdf7882g",
      "example-configmap-2-g2hdhfc6tk",
      "example-secret-1-t2kt65hgtb",
    ],
  );
});

build("leads references to the names that prefixes and hashes make", () => {
  write({
    "base/pod.yaml": pod,
    "base/kustomization.yaml": `
resources: [pod.yaml]
configMapGenerator: [{name: settings, literals: [A=1]}]
secretGenerator: [{name: key, literals: [k=v], options: {disableNameSuffixHash: true}}]
`,
    "prod/kustomization.yaml": `
resources: [../base]
namePrefix: prod-
namespace: live
commonLabels: {tier: front}
images: [{name: nginx, newName: my/nginx, newTag: "2"}]
configMapGenerator: [{name: settings, behavior: merge, literals: [B=2]}]
patches:
  - target: {kind: Pod, name: w.b}
    patch: |
      - {op: add, path: /spec/restartPolicy, value: Never}
  - patch: |
      apiVersion: v1
      kind: Pod
      metadata: {name: web}
      spec: {containers: [{name: main, args: [x]}]}
`,
  });
  const [web, settings, key] = buildKustomization(join(folder, "prod"));
  assert.is(web?.metadata.name, "prod-web");
  assert.is(web?.metadata.namespace, "live");
  assert.equal(web?.metadata.labels, { app: "web", tier: "front" });
  assert.match(settings?.metadata.name ?? "", /^prod-settings-[a-z0-9]{10}$/);
  assert.equal(settings?.["data"], { A: "1", B: "2" });
  assert.is(key?.metadata.name, "prod-key");
  assert.equal(web?.["spec"], {
    restartPolicy: "Never",
    containers: [
      {
        name: "main",
        image: "my/nginx:2",
        args: ["x"],
        envFrom: [{ configMapRef: { name: settings?.metadata.name } }],
      },
    ],
    volumes: [{ name: "v", secret: { secretName: "prod-key" } }],
  });
});

build("leads bindings to their roles and service accounts", () => {
  const api = "rbac.authorization.k8s.io";
  write({
    "all.yaml": `
apiVersion: v1
kind: ServiceAccount
metadata: {name: robot}
---
apiVersion: ${api}/v1
kind: Role
metadata: {name: writer}
rules: [{apiGroups: [""], resources: [configmaps], verbs: [create]}]
---
apiVersion: ${api}/v1
kind: RoleBinding
metadata: {name: writes}
roleRef: {apiGroup: ${api}, kind: Role, name: writer}
subjects:
  - {kind: ServiceAccount, name: robot, namespace: old}
  - {kind: ServiceAccount, name: other, namespace: old}
  - {kind: User, name: robot}
`,
    "kustomization.yaml": "namespace: shop\nnamePrefix: a-\nresources: [all.yaml]\n",
  });
  const binding = buildKustomization(folder).find(({ kind }) => kind === "RoleBinding");
  assert.equal(binding?.["roleRef"], { apiGroup: api, kind: "Role", name: "a-writer" });
  assert.equal(binding?.["subjects"], [
    { kind: "ServiceAccount", name: "a-robot", namespace: "shop" },
    { kind: "ServiceAccount", name: "other", namespace: "old" },
    { kind: "User", name: "robot" },
  ]);
});

build("labels templates and selectors only where it is told to", () => {
  write({
    "d.yaml": `
apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec:
  selector: {matchLabels: {app: d}}
  template: {metadata: {labels: {app: d}}, spec: {containers: []}}
`,
    "kustomization.yaml": `
resources: [d.yaml]
labels:
  - {pairs: {a: "1"}}
  - {pairs: {b: "2"}, includeTemplates: true}
replicas: [{name: d, count: 3}]
`,
  });
  const [deployment] = buildKustomization(folder);
  assert.equal(deployment?.metadata.labels, { a: "1", b: "2" });
  assert.equal(deployment?.["spec"], {
    replicas: 3,
    selector: { matchLabels: { app: "d" } },
    template: { metadata: { labels: { app: "d", b: "2" } }, spec: { containers: [] } },
  });
});

build("refuses what needs programs, a file from outside, and a patch that meets nothing", () => {
  const complaint = (files: Readonly<Record<string, string>>): string => {
    write(files);
    try {
      buildKustomization(join(folder, "k"));
    } catch (error) {
      return error instanceof Error ? error.message.replaceAll(folder, "") : "";
    }
    return "";
  };
  assert.match(
    complaint({ "k/kustomization.yaml": "helmCharts: []\nresorces: []\n" }),
    /kustomization\.yaml:1:1: helmCharts: needs programs.*\n.*:2:1: resorces: unknown field "resorces": did you mean "resources"\?/,
  );
  assert.match(
    complaint({ "k/kustomization.yaml": "resources: [../a.yaml]\n", "a.yaml": pod }),
    'file "/a.yaml" is outside the folder',
  );
  assert.match(
    complaint({
      "k/kustomization.yaml": "patches: [{target: {kind: Job}, patch: '[]'}]\n",
    }),
    'no object matches this patch (target {"kind":"Job"})',
  );
  assert.match(complaint({ "k/kustomization.yaml": "resources: [../k]\n" }), "includes itself");
});

build.run();
