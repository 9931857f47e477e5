import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  familiarName,
  formatReference,
  normaliseName,
  parseReference,
} from "../../../src/image/reference.ts";

const digest = `sha256:${"a".repeat(64)}`;
const names = suite("normaliseName()");

const known: readonly (readonly [string, string, string])[] = [
  ["busybox", "docker.io/library/busybox:latest", "busybox:latest"],
  ["busybox:1", "docker.io/library/busybox:1", "busybox:1"],
  ["nspod/demo", "docker.io/nspod/demo:latest", "nspod/demo:latest"],
  ["docker.io/busybox", "docker.io/library/busybox:latest", "busybox:latest"],
  ["index.docker.io/library/busybox", "docker.io/library/busybox:latest", "busybox:latest"],
  ["localhost/app", "localhost/app:latest", "localhost/app:latest"],
  ["localhost:5000/app:v1", "localhost:5000/app:v1", "localhost:5000/app:v1"],
  ["quay.io/a/b/c:2", "quay.io/a/b/c:2", "quay.io/a/b/c:2"],
  ["UPPER/app", "UPPER/app:latest", "UPPER/app:latest"],
  ["[::1]:5000/app", "[::1]:5000/app:latest", "[::1]:5000/app:latest"],
  ["a__b/c--d.e_f", "docker.io/a__b/c--d.e_f:latest", "a__b/c--d.e_f:latest"],
  [`busybox@${digest}`, `docker.io/library/busybox@${digest}`, `busybox@${digest}`],
  [`busybox:1@${digest}`, `docker.io/library/busybox:1@${digest}`, `busybox:1@${digest}`],
];
for (const [text, full, familiar] of known) {
  names(`completes ${text}`, () => {
    assert.is(normaliseName(text), full);
    assert.is(familiarName(full), familiar);
  });
}

const bad = [
  "",
  "UPPER",
  "a b",
  "a/",
  "/a",
  "a//b",
  "a:",
  "a:-x",
  "a@sha256:short",
  "..",
  "a/../b",
  "a\nb",
  "-a",
  "a_-b",
  "a:".padEnd(140, "t"),
  `${"x/".repeat(150)}y`,
  "b".repeat(2000),
  "f".repeat(64).replace(/^/, ""),
];
for (const text of bad) {
  names(`refuses ${JSON.stringify(text.slice(0, 30))}`, () => {
    assert.throws(() => parseReference(text), /^Cannot use image name ".*": /);
  });
}

names("is stable: a full name stays as it is", () => {
  const component = fc.stringMatching(/^[a-z0-9]{1,8}([._-][a-z0-9]{1,4})?$/);
  const tag = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,10}$/);
  fc.assert(
    fc.property(fc.array(component, { minLength: 1, maxLength: 4 }), tag, (parts, suffix) => {
      const full = normaliseName(`${parts.join("/")}:${suffix}`);
      assert.is(normaliseName(full), full);
      assert.is(normaliseName(familiarName(full)), full);
      assert.is(formatReference(parseReference(full)), full);
    }),
  );
});

names("never fails otherwise than with a sentence", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        normaliseName(text);
      } catch (error) {
        assert.match(String(error), /^PodError: Cannot use image name /);
      }
    }),
  );
});

names.run();
