// Lists by key, the directives, and the order that kubectl asks for.
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isPodError } from "../../../src/base/errors.ts";
import { strategicMerge } from "../../../src/spec/strategic-merge.ts";

type Json = Record<string, unknown>;

function pod(spec: Json, metadata: Json = {}): Json {
  return { apiVersion: "v1", kind: "Pod", metadata, spec };
}

/** The spec after a patch of it. */
function patched(spec: Json, patch: Json): unknown {
  const before = structuredClone(spec);
  const result = strategicMerge(pod(spec), { spec: patch }, "Pod")["spec"];
  assert.equal(spec, before, "the document stays as it is");
  return result;
}

const two = {
  containers: [
    { name: "a", image: "a:1" },
    { name: "b", image: "b:1" },
  ],
};

const merging = suite("strategicMerge()");

merging("merges containers by name and appends new ones", () => {
  assert.equal(
    patched(two, {
      containers: [
        { name: "c", image: "c:1" },
        { name: "b", image: "b:2" },
      ],
    }),
    {
      containers: [
        { name: "a", image: "a:1" },
        { name: "b", image: "b:2" },
        { name: "c", image: "c:1" },
      ],
    },
  );
});

merging("merges lists in items: env by name, ports by containerPort, mounts by mountPath", () => {
  const container = {
    name: "a",
    env: [{ name: "A", value: "1" }],
    ports: [{ containerPort: 80, name: "web" }],
    volumeMounts: [{ mountPath: "/a", name: "v" }],
    args: ["x"],
  };
  const patch = {
    name: "a",
    env: [{ name: "B", value: "2" }],
    ports: [{ containerPort: 80, hostPort: 8080 }],
    volumeMounts: [{ mountPath: "/a", readOnly: true }],
    args: ["y"],
  };
  assert.equal(patched({ containers: [container] }, { containers: [patch] }), {
    containers: [
      {
        name: "a",
        env: [
          { name: "A", value: "1" },
          { name: "B", value: "2" },
        ],
        ports: [{ containerPort: 80, name: "web", hostPort: 8080 }],
        volumeMounts: [{ mountPath: "/a", name: "v", readOnly: true }],
        args: ["y"],
      },
    ],
  });
});

merging("replaces lists without a key", () => {
  const before = { tolerations: [{ key: "a" }, { key: "b" }] };
  assert.equal(patched(before, { tolerations: [{ key: "c" }] }), { tolerations: [{ key: "c" }] });
});

merging("removes by null, and drops nulls of what is new", () => {
  assert.equal(
    patched({ a: 1, nodeSelector: { x: "y" } }, { a: null, nodeSelector: { x: null, z: "1" } }),
    {
      nodeSelector: { z: "1" },
    },
  );
  assert.equal(patched({}, { securityContext: { runAsUser: null, fsGroup: 1 } }), {
    securityContext: { fsGroup: 1 },
  });
});

merging("$patch: delete takes an item out, or empties a map", () => {
  assert.equal(patched(two, { containers: [{ name: "a", $patch: "delete" }] }), {
    containers: [{ name: "b", image: "b:1" }],
  });
  assert.equal(patched({ nodeSelector: { a: "b" } }, { nodeSelector: { $patch: "delete" } }), {
    nodeSelector: {},
  });
});

merging("$patch: replace stands for all that was there", () => {
  assert.equal(patched(two, { containers: [{ $patch: "replace" }, { name: "z", image: "z:1" }] }), {
    containers: [{ name: "z", image: "z:1" }],
  });
  const before = { securityContext: { runAsUser: 1, fsGroup: 2 } };
  assert.equal(patched(before, { securityContext: { $patch: "replace", runAsUser: 3 } }), {
    securityContext: { runAsUser: 3 },
  });
});

merging("$patch: merge is what happens anyway", () => {
  assert.equal(
    patched({ nodeSelector: { a: "b" } }, { nodeSelector: { $patch: "merge", c: "d" } }),
    {
      nodeSelector: { a: "b", c: "d" },
    },
  );
  const [first] = (
    patched(two, { containers: [{ name: "a", $patch: "merge", tty: true }] }) as typeof two
  ).containers;
  assert.equal(first, { name: "a", image: "a:1", tty: true });
});

merging("$retainKeys drops the other fields of a union", () => {
  const before = { volumes: [{ name: "v", hostPath: { path: "/a" } }] };
  const patch = { name: "v", $retainKeys: ["name", "emptyDir"], emptyDir: {} };
  assert.equal(patched(before, { volumes: [patch] }), { volumes: [{ name: "v", emptyDir: {} }] });
  assert.throws(() => patched(before, { volumes: [{ ...patch, $retainKeys: ["name"] }] }));
});

merging("$deleteFromPrimitiveList takes values out of a set", () => {
  const before = pod({}, { finalizers: ["a.b/1", "a.b/2"] });
  const patch = {
    metadata: { "$deleteFromPrimitiveList/finalizers": ["a.b/1"], finalizers: ["a.b/2", "a.b/3"] },
  };
  assert.equal((strategicMerge(before, patch, "Pod")["metadata"] as Json)["finalizers"], [
    "a.b/2",
    "a.b/3",
  ]);
  const alone = { metadata: { "$deleteFromPrimitiveList/finalizers": ["a.b/2"] } };
  assert.equal((strategicMerge(before, alone, "Pod")["metadata"] as Json)["finalizers"], ["a.b/1"]);
});

const named = (...names: readonly string[]): Json[] => names.map((name) => ({ name }));

merging(
  "$setElementOrder puts the items in order, and those it does not name where they stood",
  () => {
    const order = (
      before: readonly string[],
      wanted: readonly string[],
      added: readonly string[] = [],
    ): unknown => {
      const patch = {
        "$setElementOrder/containers": named(...wanted),
        containers: added.map((name) => ({ name, image: "x" })),
      };
      const result = patched({ containers: named(...before) }, patch) as {
        containers: { name: string }[];
      };
      return result.containers.map(({ name }) => name).join("");
    };
    assert.is(order(["a", "b", "c"], ["c", "b", "a"]), "cba");
    assert.is(order(["a", "b"], ["b", "x", "a"], ["x"]), "bxa");
    // "s" came from somebody else, e.g. an injected sidecar.
    assert.is(order(["a", "s", "b"], ["a", "b"]), "asb");
    assert.is(order(["a", "b", "s"], ["x", "a", "b"], ["x"]), "xabs");
    assert.is(order(["s", "a"], ["a", "x"], ["x"]), "sax");
  },
);

merging("$setElementOrder alone orders what is there", () => {
  const patch = { "$setElementOrder/containers": named("b", "a") };
  const { containers } = patched(two, patch) as typeof two;
  assert.equal(
    containers.map(({ name }) => name),
    ["b", "a"],
  );
});

merging("merges conditions by type and owners by uid", () => {
  const before = {
    ...pod({}),
    metadata: { ownerReferences: [{ uid: "1", name: "a" }] },
    status: { conditions: [{ type: "A", status: "True" }] },
  };
  const patch = {
    metadata: { ownerReferences: [{ uid: "2", name: "b" }] },
    status: {
      conditions: [
        { type: "A", status: "False" },
        { type: "B", status: "True" },
      ],
    },
  };
  const after = strategicMerge(before, patch, "Pod") as typeof before;
  assert.is(after.metadata.ownerReferences.length, 2);
  assert.equal(after.status.conditions, [
    { type: "A", status: "False" },
    { type: "B", status: "True" },
  ]);
});

merging("refuses patches that make no sense", () => {
  for (const patch of [
    { containers: [{ image: "x" }] },
    { containers: ["a"] },
    { containers: [{ name: "a", $patch: "eat" }] },
    { nodeSelector: { $patch: 3 } },
    { "$setElementOrder/containers": "a", containers: [{ name: "a" }] },
    { nodeSelector: { $retainKeys: "a" } },
  ]) {
    assert.throws(
      () => patched(two, patch),
      (error: unknown) => isPodError(error, "InvalidArgument"),
      JSON.stringify(patch),
    );
  }
});

/** As JSON.parse makes it: with a prototype. */
const asJson = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  arbitrary.map((value) => JSON.parse(JSON.stringify(value)) as T);

const word = fc.constantFrom("a", "b", "c", "d");
const env = fc.uniqueArray(fc.record({ name: word, value: word }), {
  selector: ({ name }) => name,
});
const containers = fc.uniqueArray(
  fc.record(
    { name: word, image: word, env, args: fc.array(word, { maxLength: 2 }) },
    { requiredKeys: ["name"] },
  ),
  { selector: ({ name }) => name },
);
const directed = fc
  .tuple(
    containers,
    fc.option(fc.shuffledSubarray(["a", "b", "c", "d"])),
    fc.option(word),
    fc.boolean(),
  )
  .map(
    ([items, order, deleted, isReplaced]): Json => ({
      containers: [
        ...(isReplaced ? [{ $patch: "replace" }] : []),
        ...items.filter(({ name }) => name !== deleted),
        ...(deleted === null || isReplaced ? [] : [{ name: deleted, $patch: "delete" }]),
      ],
      ...(order !== null && { "$setElementOrder/containers": named(...order) }),
    }),
  );

merging("twice is once", () => {
  fc.assert(
    fc.property(asJson(containers), asJson(directed), (before, patch) => {
      const once = patched({ containers: before }, patch) as Json;
      assert.equal(patched(once, patch), once);
    }),
  );
});

merging("keeps every name once, and no directive", () => {
  fc.assert(
    fc.property(asJson(containers), asJson(directed), (before, patch) => {
      const after = patched({ containers: before }, patch) as { containers: { name: string }[] };
      const names = after.containers.map(({ name }) => name);
      assert.is(new Set(names).size, names.length);
      assert.not.match(JSON.stringify(after), /\$/);
    }),
  );
});

merging("throws nothing but InvalidArgument, whatever the patch", () => {
  const field = fc.constantFrom(
    "$patch",
    "$retainKeys",
    "$setElementOrder/containers",
    "$deleteFromPrimitiveList/x",
    "containers",
    "volumes",
    "env",
    "name",
    "__proto__",
  );
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      word,
      fc.constant(null),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(field, tie("value"), { maxKeys: 3 }),
    ),
  }));
  fc.assert(
    fc.property(asJson(containers), asJson(value), (before, spec) => {
      try {
        strategicMerge(pod({ containers: before }), { spec }, "Pod");
      } catch (error) {
        assert.ok(isPodError(error, "InvalidArgument"), String(error));
      }
    }),
  );
});
merging.run();
