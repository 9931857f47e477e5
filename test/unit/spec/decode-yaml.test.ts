import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isPodError, type PodError } from "../../../src/base/errors.ts";
import { decodePod } from "../../../src/spec/decode-json.ts";
import { type DecodedManifest, decodeManifests } from "../../../src/spec/decode-yaml.ts";
import { loadPods } from "../../../src/spec/manifest.ts";
import type { Pod } from "../../../src/spec/pod.ts";

const options = { randomSuffix: () => "x7k2p" };

/** The pods of a text, with the places of their fields. */
const decodePods = (text: string, source: string): { object: Pod; position: Locate }[] =>
  decodeManifests(text, source).map(({ object, position }) => ({
    object: object as Pod,
    position,
  }));
type Locate = DecodedManifest["position"];

/** The lines of the complaint about a text. */
function complaints(run: () => unknown): string[] {
  try {
    run();
  } catch (error) {
    assert.ok(isPodError(error, "InvalidArgument"), String(error));
    return (error as PodError).message.split("\n");
  }
  return [];
}

/** CPU time, which other load on the machine does not change. */
function cpuMs(run: () => unknown): number {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

const decode = (text: string): string[] => complaints(() => decodeManifests(text, "pod.yaml"));

/** A pod with some lines below its first container. */
function podWith(...lines: string[]): string {
  return [
    "apiVersion: v1",
    "kind: Pod",
    "metadata: {name: web}",
    "spec:",
    "  containers:",
    "  - name: web",
    "    image: web:1",
    ...lines.map((line) => `    ${line}`),
    "",
  ].join("\n");
}

const decoding = suite("decodeManifests()");

decoding("reads a pod and knows where its fields stand", () => {
  const [manifest, ...others] = decodePods(podWith("args: [a, b]", "tty: yes"), "pod.yaml");
  assert.is(others.length, 0);
  assert.equal(manifest?.object.spec.containers[0], {
    name: "web",
    image: "web:1",
    args: ["a", "b"],
    tty: true,
  });
  assert.equal(manifest?.position("spec.containers[0].args[1]"), { line: 8, column: 15 });
  // A field that is not written: its nearest ancestor.
  assert.equal(manifest?.position("spec.containers[0].command[3]"), { line: 6, column: 5 });
});

decoding("reads JSON, also with tabs and escapes", () => {
  const text = podWith('command: ["\\ud83d\\ude00", "a\\/b"]');
  const [yaml] = decodePods(text, "pod.yaml");
  const json = JSON.stringify(yaml?.object, null, "\t");
  assert.equal(decodePods(json, "pod.json")[0]?.object, yaml?.object);
  assert.equal(yaml?.object.spec.containers[0]?.command, ["😀", "a/b"]);
});

decoding("reads several documents and lists", () => {
  const pod = JSON.stringify(decodePods(podWith(), "p")[0]?.object);
  const text = `# first\n---\n${pod}\n---\napiVersion: v1\nkind: List\nitems:\n- ${pod}\n- ${pod}\n---\n`;
  assert.is(decodePods(text, "p").length, 3);
});

decoding("says what Kubernetes has and nspod has not", () => {
  assert.equal(decode(podWith("securityContext: {windowsOptions: {}}")), [
    "pod.yaml:8:23: spec.containers[0].securityContext.windowsOptions: is for Windows nodes only",
  ]);
  assert.equal(decode("apiVersion: networking.k8s.io/v1\nkind: Ingress\n"), [
    "pod.yaml:2:7: kind: Ingress is a Kubernetes kind that nspod does not support yet",
  ]);
});

decoding("guesses what a misspelt name meant", () => {
  assert.equal(decode(podWith("volumeMount: []")), [
    'pod.yaml:8:5: spec.containers[0].volumeMount: unknown field "volumeMount": did you mean "volumeMounts"?',
  ]);
  assert.equal(decode(podWith("zzz: 1")), [
    'pod.yaml:8:5: spec.containers[0].zzz: unknown field "zzz"',
  ]);
  assert.equal(decode("apiVersion: v1\nkind: Pdo\n"), [
    'pod.yaml:2:7: kind: unknown kind "Pdo": did you mean "Pod"?',
  ]);
});

decoding("shows a wrong value as its author wrote it", () => {
  assert.equal(decode(podWith("command: [sleep, 5, 0644, yes]", "tty: 'true'")), [
    "pod.yaml:8:22: spec.containers[0].command[1]: must be a string: got 5: put it in quotes",
    "pod.yaml:8:25: spec.containers[0].command[2]: must be a string: got 0644: put it in quotes",
    "pod.yaml:8:31: spec.containers[0].command[3]: must be a string: got yes: put it in quotes",
    'pod.yaml:9:10: spec.containers[0].tty: must be true or false: got "true": remove the quotes',
  ]);
});

decoding("lists the same complaints as data", () => {
  try {
    decodePods(podWith("tty: 3", "zzz: 1"), "pod.yaml");
    assert.unreachable();
  } catch (error) {
    assert.ok(isPodError(error));
    assert.equal((error as PodError).data["issues"], [
      {
        path: "spec.containers[0].tty",
        message: "must be true or false: got 3",
        line: 8,
        column: 10,
      },
      { path: "spec.containers[0].zzz", message: 'unknown field "zzz"', line: 9, column: 5 },
    ]);
  }
});

decoding("refuses duplicate keys", () => {
  assert.equal(decode(podWith("name: other")), [
    "pod.yaml:8:5: spec.containers[0].name: is written twice: first in line 6",
  ]);
});

decoding("refuses keys that YAML would turn into something else", () => {
  const text = podWith().replace("{name: web}", "{name: web, labels: {on: a, 0644: b, 12: c}}");
  assert.equal(decode(text), [
    'pod.yaml:3:32: metadata.labels: has a key that YAML reads as true: write "on"',
    'pod.yaml:3:39: metadata.labels: has a key that YAML reads as 420: write "0644"',
  ]);
});

decoding("refuses keys that reach a prototype", () => {
  const text = podWith().replace(
    "{name: web}",
    '{name: web, labels: {"__proto__": a, constructor: b}}',
  );
  assert.equal(decode(text), [
    "pod.yaml:3:32: metadata.labels.__proto__: is not allowed as a key",
    "pod.yaml:3:48: metadata.labels.constructor: is not allowed as a key",
  ]);
  assert.is(({} as Record<string, unknown>)["a"], undefined);
});

decoding("refuses foreign tags", () => {
  assert.equal(decode(podWith("workingDir: !!binary L3Jvb3Q=")), [
    'pod.yaml:8:26: spec.containers[0].workingDir: tag "!!binary" is not supported',
  ]);
});

decoding("merges << keys as YAML 1.1 does, with the map's own keys winning", () => {
  const text = podWith("env: &e [{name: A, value: a}]", "tty: true").replace(
    "- name: web",
    "- &c\n    name: web",
  );
  const [manifest] = decodePods(`${text}  - <<: *c\n    name: other\n    env: *e\n`, "p");
  assert.equal(manifest?.object.spec.containers[1], {
    ...manifest?.object.spec.containers[0],
    name: "other",
  });
  // A field that came by the merge stands where it was written.
  assert.equal(manifest?.position("spec.containers[1].image"), { line: 8, column: 12 });
});

decoding("explains broken syntax with its place", () => {
  assert.equal(decode("apiVersion: v1\nkind: Pod\n  metadata: x\n"), [
    "pod.yaml:2:7: Nested mappings are not allowed in compact mappings",
  ]);
});

decoding("says when there is nothing", () => {
  assert.equal(decode("# nothing\n---\n"), ["pod.yaml:1:1: holds no object"]);
});

decoding("refuses a list in a list", () => {
  assert.equal(
    decode("apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: List, items: []}]\n"),
    ["pod.yaml:3:32: items[0].kind: a list cannot be an item of a list"],
  );
});

decoding("shows at most 100 complaints", () => {
  const lines = decode(podWith(...Array.from({ length: 500 }, (_, index) => `zz${index}: 1`)));
  assert.is(lines.length, 101);
  assert.is(lines.at(-1), "pod.yaml: there are more mistakes: mend these first");
});

decoding("keeps control characters of a manifest out of its messages", () => {
  const texts = [
    podWith('tty: "\\e[31m\\x9b\\r"', '"\\e]0;x\\a": 1', '"\\x9b": 2'),
    podWith("workingDir: |\u001b[31m", "  x"),
    podWith("workingDir: *\u009b"),
  ];
  for (const line of texts.flatMap(decode)) {
    assert.not.match(line, /[\u0000-\u001f\u007f-\u009f]/);
  }
});

decoding("keeps megabytes of a manifest out of its messages", () => {
  const long = "x".repeat(1_000_000);
  const lines = [
    podWith(`"${long}": 1`),
    podWith(`tty: "${long}"`),
    `apiVersion: v1\nkind: ${long}`,
  ];
  for (const line of lines.flatMap(decode)) {
    assert.ok(line.length < 600, `${line.length} characters`);
  }
});
decoding.run();

const hostile = suite("decodeManifests() with hostile text");
const bombs: readonly (readonly [string, string, RegExp])[] = [
  ["3 MB of brackets", "[".repeat(3_000_000), /nested deeper than 100/],
  ["deep block lists", "- ".repeat(500_000), /nested deeper than 100/],
  ["deep question marks", "? ".repeat(50_000), /nested deeper than 100/],
  ["an alias of itself", "a: &a [*a, *a]", /nested deeper than 100/],
  [
    "a billion laughs",
    `a: &a [x,x,x,x,x,x,x,x,x,x]\n${[..."bcdefghijk"].map((name, index) => `${name}: &${name} [${`*${"abcdefghij"[index]},`.repeat(10)}]`).join("\n")}`,
    /repeats more than 10000 values/,
  ],
  ["100,000 documents", "---\na\n".repeat(100_000), /more than 1000 documents/],
  ["a million broken lines", "[]\n".repeat(1_000_000), /Unexpected/],
  ["4 MB of text", "a".repeat(4_000_000), /larger than 3 MiB/],
];
for (const [name, text, expected] of bombs) {
  hostile(`refuses ${name} in less than 100 ms`, () => {
    let first = "";
    const spent = cpuMs(() => {
      first = decode(text)[0] ?? "";
    });
    assert.match(first, expected);
    assert.ok(spent < 100, `${spent} ms`);
  });
}
hostile("throws nothing but InvalidArgument, whatever the text", () => {
  const piece = fc.constantFrom(
    ..."[]{}:,-?!&*#|>%@`'\"\n\t \\~<",
    "\n  ",
    "\n- ",
    ": ",
    "<<: ",
    "&a ",
    "*a",
    "!!str ",
    "---\n",
    "...\n",
    "%YAML 1.2\n",
    "apiVersion: v1\n",
    "kind: Pod\n",
    "kind: List\nitems:\n",
    "spec:\n",
    "metadata:\n",
    "containers:\n",
    "0644",
    "\u{feff}",
    "\u0000",
    "\ud800",
  );
  const text = fc.oneof(
    fc
      .array(fc.oneof({ weight: 4, arbitrary: piece }, fc.string()), { maxLength: 60 })
      .map((parts) => parts.join("")),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
  );
  fc.assert(
    fc.property(text, (input) => {
      const spent = cpuMs(() => complaints(() => loadPods(input, "pod.yaml", options)));
      assert.ok(spent < 100, `${spent} ms`);
    }),
    { numRuns: 500 },
  );
});
hostile("survives any edit of a good manifest", () => {
  const good = podWith(
    "env: [{name: A, value: b}]",
    "resources: {limits: {cpu: 1}}",
    "ports: [{containerPort: 1}]",
  );
  fc.assert(
    fc.property(
      fc.nat(good.length),
      fc.nat(5),
      fc.string({ maxLength: 4 }),
      (at, removed, added) => {
        const text = good.slice(0, at) + added + good.slice(at + removed);
        complaints(() => loadPods(text, "pod.yaml", options));
      },
    ),
    { numRuns: 300 },
  );
});
hostile.run();

const json = suite("decodePod()");
json("gives the same object as the manifest", () => {
  const [manifest] = decodePods(podWith("stdin: true"), "p");
  assert.equal(decodePod(JSON.parse(JSON.stringify(manifest?.object))), manifest?.object);
});
json("takes null and empty choices for absent, as Kubernetes does", () => {
  const pod = decodePod({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "a", creationTimestamp: null },
    spec: {
      restartPolicy: "",
      containers: [{ name: "a", image: "b", command: null, imagePullPolicy: "" }],
    },
    status: {},
  });
  assert.equal(pod, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "a", namespace: "", uid: "" },
    spec: { containers: [{ name: "a", image: "b" }] },
    status: {},
  });
});
json("lists all complaints by path", () => {
  const value = JSON.parse(
    '{"apiVersion":"v1","kind":"Pod","__proto__":1,"metadata":[],"spec":{"containers":[null,{"name":"a","image":"\\ud800"}]}}',
  );
  assert.equal(
    complaints(() => decodePod(value)),
    [
      '__proto__: unknown field "__proto__"',
      "metadata: must be an object: got a list",
      "spec.containers[0]: must be an object: got null",
      "spec.containers[1].image: must be valid Unicode: it has half of a surrogate pair",
    ],
  );
});
json("refuses other kinds", () => {
  assert.equal(
    complaints(() => decodePod({ apiVersion: "v1", kind: "List", items: [] })),
    ['kind: must be "Pod": got "List"'],
  );
  assert.equal(
    complaints(() => decodePod({ apiVersion: "v2", kind: "Pod" })),
    ['apiVersion: must be "v1" for kind Pod: got "v2"'],
  );
  assert.is(complaints(() => decodePod(null)).length, 1);
});
json("throws nothing but InvalidArgument, whatever the value", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (metadata, spec) => {
      complaints(() => decodePod({ apiVersion: "v1", kind: "Pod", metadata, spec }));
    }),
  );
});
json("costs little for 100,000 mistakes", () => {
  const spec = Object.fromEntries(
    Array.from({ length: 100_000 }, (_, index) => [`contaners${index}`, 1]),
  );
  const spent = cpuMs(() => {
    assert.is(
      complaints(() => decodePod({ apiVersion: "v1", kind: "Pod", metadata: {}, spec })).length,
      101,
    );
  });
  assert.ok(spent < 1000, `${spent} ms`);
});
json.run();
