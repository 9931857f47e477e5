import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decodePod } from "../../../src/spec/decode-json.ts";
import { defaultPod } from "../../../src/spec/default-pod.ts";
import type { Pod } from "../../../src/spec/pod.ts";
import { validatePod } from "../../../src/spec/validate-pod.ts";

type Json = Record<string, unknown>;

function podWith(source: Json): Pod {
  const pod = decodePod({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "web" },
    spec: { containers: [{ name: "web", image: "web:1" }], volumes: [{ name: "v", ...source }] },
  });
  return defaultPod(pod, { randomSuffix: () => "x7k2p" });
}

/** Complaints about the volume, without its path. */
function complaints(source: Json): string[] {
  return validatePod(podWith(source)).map(({ path, message }) =>
    `${path}: ${message}`.replace("spec.volumes[0].", ""),
  );
}

const projected = (...sources: Json[]): Json => ({ projected: { sources } });

const test = suite("validateConfigVolumes()");

test("takes what Kubernetes takes, and fills in its defaults", () => {
  const items = [{ key: "k", path: "deep/file", mode: 0o400 }];
  const fields = [
    { path: "labels", fieldRef: { fieldPath: "metadata.labels" } },
    { path: "cpu", resourceFieldRef: { containerName: "web", resource: "limits.cpu" } },
  ];
  for (const source of [
    { configMap: { name: "a", items, optional: true } },
    { secret: { secretName: "a", items, defaultMode: 0 } },
    { downwardAPI: { items: fields } },
    projected(
      { configMap: { name: "a" } },
      { secret: { name: "a", items } },
      { downwardAPI: { items: fields } },
      { serviceAccountToken: { path: "token" } },
    ),
  ]) {
    assert.equal(complaints(source), []);
  }
  assert.equal(podWith({ configMap: { name: "a" } }).spec.volumes, [
    { name: "v", configMap: { name: "a", defaultMode: 0o644 } },
  ]);
  assert.equal(podWith(projected({ serviceAccountToken: { path: "t" } })).spec.volumes, [
    {
      name: "v",
      projected: {
        defaultMode: 0o644,
        sources: [{ serviceAccountToken: { path: "t", expirationSeconds: 3600 } }],
      },
    },
  ]);
});

for (const [words, source, expected] of [
  ["no name", { configMap: {} }, "configMap.name: must not be empty"],
  [
    "a mode above 0777",
    { secret: { secretName: "a", defaultMode: 512 } },
    "secret.defaultMode: must be between 0 and 0777 (511): got 512",
  ],
  [
    "a path upwards",
    { configMap: { name: "a", items: [{ key: "k", path: "../k" }] } },
    'configMap.items[0].path: must not begin with "..": got "../k"',
  ],
  [
    "a path upwards later",
    { configMap: { name: "a", items: [{ key: "k", path: "a/../../k" }] } },
    'configMap.items[0].path: must not contain "..": got "a/../../k"',
  ],
  [
    "an absolute path",
    { secret: { secretName: "a", items: [{ key: "k", path: "/k" }] } },
    'secret.items[0].path: must be a relative path: got "/k"',
  ],
  [
    "a path of the volume's own bookkeeping",
    { downwardAPI: { items: [{ path: "..data", fieldRef: { fieldPath: "metadata.name" } }] } },
    'downwardAPI.items[0].path: must not begin with "..": got "..data"',
  ],
  [
    "a file without a source",
    { downwardAPI: { items: [{ path: "a" }] } },
    "downwardAPI.items[0]: must have one of fieldRef, resourceFieldRef",
  ],
  [
    "a resource of no container",
    { downwardAPI: { items: [{ path: "a", resourceFieldRef: { resource: "limits.cpu" } }] } },
    "downwardAPI.items[0].resourceFieldRef.containerName: is required",
  ],
  [
    "two kinds in one source",
    projected({ configMap: { name: "a" }, secret: { name: "b" } }),
    "projected.sources[0]: must have one source: got secret and configMap",
  ],
  [
    "one path twice",
    projected(
      { configMap: { name: "a", items: [{ key: "k", path: "p" }] } },
      { serviceAccountToken: { path: "p" } },
    ),
    'projected.sources[1].serviceAccountToken.path: must be unique in the volume: "p" is already the path of projected.sources[0].configMap.items[0].path',
  ],
  [
    "a token of five minutes",
    projected({ serviceAccountToken: { path: "p", expirationSeconds: 300 } }),
    "projected.sources[0].serviceAccountToken.expirationSeconds: must be between 600 and 4294967296: got 300",
  ],
] as const) {
  test(`refuses ${words}`, () => {
    assert.equal(
      complaints(source).map((line) => line.replace("of spec.volumes[0].", "of ")),
      [expected],
    );
  });
}

test.run();
