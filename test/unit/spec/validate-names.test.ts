import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  checkAbsolutePath,
  checkDnsLabel,
  checkDnsSubdomain,
  checkIpAddress,
  checkLabelValue,
  checkPortName,
  checkQualifiedName,
  checkRelativePath,
} from "../../../src/spec/validate-names.ts";

const test = suite("checks of names");
for (const [check, text, expected] of [
  [checkDnsLabel, "", "must not be empty"],
  [checkDnsLabel, "a".repeat(63), undefined],
  [checkDnsLabel, "a".repeat(64), "must be at most 63 characters: got 64"],
  [checkDnsSubdomain, "", "must not be empty"],
  [checkDnsSubdomain, "a".repeat(253), undefined],
  [checkDnsSubdomain, "a".repeat(254), "must be at most 253 characters: got 254"],
  [checkQualifiedName, "a/b", undefined],
  [checkQualifiedName, "/b", 'prefix before "/" must not be empty'],
  [checkQualifiedName, `a/${"b".repeat(64)}`, "name must be at most 63 characters: got 64"],
  [checkLabelValue, "", undefined],
  [checkLabelValue, "a".repeat(64), "must be at most 63 characters: got 64"],
  [checkPortName, "http-alt", undefined],
  [checkPortName, "a".repeat(16), "must be at most 15 characters: got 16"],
  [
    checkPortName,
    "a--b",
    'must be lower-case letters, digits and single "-", with at least one letter: got "a--b"',
  ],
  [checkIpAddress, "::ffff:10.0.0.1", undefined],
  [checkIpAddress, "010.0.0.1", 'must be an IP address: got "010.0.0.1"'],
  [checkAbsolutePath, `/${"ab/".repeat(1400)}`, "must be at most 4095 bytes"],
  [checkRelativePath, "ä".repeat(128), "must have parts of at most 255 bytes"],
] as const) {
  test(`${check.name}(${JSON.stringify(text.slice(0, 20))}) says ${expected ?? "nothing"}`, () => {
    assert.is(check(text), expected);
  });
}
test("take no time on long texts of any kind", () => {
  // The expressions repeat inside repeats: none may backtrack without end.
  const long = fc.string({
    unit: fc.constantFrom("a", "-", ".", "_", "/"),
    minLength: 3000,
    maxLength: 4000,
  });
  fc.assert(
    fc.property(long, (text) => {
      const before = process.cpuUsage();
      for (const check of [
        checkDnsSubdomain,
        checkQualifiedName,
        checkLabelValue,
        checkAbsolutePath,
      ]) {
        check(text);
        check(text.slice(0, 253));
      }
      assert.ok(process.cpuUsage(before).user < 50_000);
    }),
    { numRuns: 50 },
  );
});
test.run();
