import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isPodError } from "../../../src/base/errors.ts";
import { findByPath, parseJsonPath } from "../../../src/cli/json-path.ts";

const pod = {
  metadata: { name: "web", labels: { "app.kubernetes.io/name": "shop", tier: "front" } },
  spec: {
    containers: [
      { name: "a", image: "one", ports: [80, 81, 82, 83] },
      { name: "b", image: "two", restarts: 3 },
    ],
  },
  status: {
    conditions: [
      { type: "Ready", status: "True" },
      { type: "Initialized", status: "False" },
    ],
  },
};
const find = (path: string): readonly unknown[] => findByPath(parseJsonPath(path), pod, pod);

const paths = suite("findByPath()");

for (const [path, found] of [
  [".metadata.name", ["web"]],
  ["{.metadata.name}", ["web"]],
  ["metadata.name", ["web"]],
  ["$.metadata.name", ["web"]],
  [".metadata['name']", ["web"]],
  [".metadata.labels.app\\.kubernetes\\.io/name", ["shop"]],
  [".metadata.labels['app\\.kubernetes\\.io/name','tier']", ["shop", "front"]],
  [".metadata.labels.*", ["shop", "front"]],
  [".spec.containers[*].name", ["a", "b"]],
  [".spec.containers[0].name", ["a"]],
  [".spec.containers[-1].name", ["b"]],
  [".spec.containers[0,1].image", ["one", "two"]],
  [".spec.containers[0].ports[1:3]", [81, 82]],
  [".spec.containers[0].ports[::2]", [80, 82]],
  [".spec.containers[0].ports[-1:]", [83]],
  ["..image", ["one", "two"]],
  ['.status.conditions[?(@.type=="Ready")].status', ["True"]],
  ['.status.conditions[?(@.type == "Ready")].status', ["True"]],
  [".status.conditions[?(@.type!='Ready')].type", ["Initialized"]],
  [".spec.containers[?(@.restarts>=3)].name", ["b"]],
  [".spec.containers[?(@.restarts)].name", ["b"]],
  [".spec.containers[?(@.name==$.spec.containers[1].name)].image", ["two"]],
  [".spec.containers[7].name", []],
  [".metadata.nothing.at.all", []],
] as const) {
  paths(`finds ${path}`, () => assert.equal(find(path), found));
}

paths("says where a path makes no sense", () => {
  for (const path of [".a[", ".a[?(@.b]", ".a[x]", ".a b", ".a[?(]"]) {
    assert.throws(() => parseJsonPath(path), /JSONPath/, path);
  }
});

paths("any text is understood or refused with a sentence", () => {
  const letters = fc.constantFrom(..."abc.*[]()?@$'\"{}:,-019= <>\\".split(""));
  fc.assert(
    fc.property(fc.string({ unit: letters, maxLength: 20 }), (text) => {
      try {
        findByPath(parseJsonPath(text), pod, pod);
      } catch (error) {
        if (!isPodError(error, "InvalidArgument")) throw error;
      }
    }),
  );
});

paths("finds every field by its quoted name", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), (name) => {
      const quoted = name.replace(/[\\'\]"]/g, "\\$&");
      const path = parseJsonPath(`['${quoted}']`);
      assert.equal(
        findByPath(path, { [name]: 1 }, undefined),
        Object.hasOwn({ [name]: 1 }, name) ? [1] : [],
      );
    }),
  );
});

paths.run();
