import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isPodError, messageOf } from "../../../src/base/errors.ts";
import { type FailpointName, failpoints } from "../../../src/base/failpoint-table.ts";
import { type FailAction, parseFailpoints } from "../../../src/base/parse-failpoints.ts";

const parse = suite("parseFailpoints()");

const names = Object.keys(failpoints) as FailpointName[];

function refusal(text: string): string {
  try {
    parseFailpoints(text);
  } catch (error) {
    assert.ok(isPodError(error, "InvalidArgument"), String(error));
    return messageOf(error);
  }
  return "none";
}

parse("reads names, actions and times", () => {
  const text =
    "cgroup/hierarchy.create=error(ENOSPC):1;shim.exit-record=kill;pod/engine.record=delay(50):@3;net/ipam.reserve=error(EIO):@2+";
  assert.equal(parseFailpoints(text), [
    {
      name: "cgroup/hierarchy.create",
      action: { kind: "error", code: "ENOSPC", errno: 28 },
      first: 1,
      last: 1,
    },
    {
      name: "shim.exit-record",
      action: { kind: "kill" },
      first: 1,
      last: Number.POSITIVE_INFINITY,
    },
    { name: "pod/engine.record", action: { kind: "delay", ms: 50 }, first: 3, last: 3 },
    {
      name: "net/ipam.reserve",
      action: { kind: "error", code: "EIO", errno: 5 },
      first: 2,
      last: Number.POSITIVE_INFINITY,
    },
  ]);
});

parse("takes nothing for nothing", () => {
  assert.equal(parseFailpoints(""), []);
  assert.is(parseFailpoints(";shim.start=kill;").length, 1);
});

const wrong: Readonly<Record<string, string>> = {
  "pod/engine.cgroups=kill": 'character 1: there is no fail point "pod/engine.cgroups"',
  "toString=kill": 'character 1: there is no fail point "toString"',
  "shim.start=kill; shim.start=kill": 'character 17: there is no fail point " shim.start"',
  "shim.start": 'character 11: "=" and an action are missing',
  "shim.start=": 'character 12: an action is error(ERRNO), kill or delay(MS): got ""',
  "shim.start=kill()": 'character 12: an action is error(ERRNO), kill or delay(MS): got "kill()"',
  "shim.start=kill(1)": 'character 12: an action is error(ERRNO), kill or delay(MS): got "kill(1)"',
  "shim.start=error": 'character 12: an action is error(ERRNO), kill or delay(MS): got "error"',
  "shim.start=error(ENONE)": 'character 18: "ENONE" is no errno',
  "shim.start=error(EOF)": 'character 18: "EOF" is no errno',
  "shim.start=delay(0)": 'character 18: must be a number from 1 to 60000: got "0"',
  "shim.start=kill:": 'character 17: times are N, @N or @N+: got ""',
  "shim.start=kill:2+": 'character 17: times are N, @N or @N+: got "2+"',
  "shim.start=kill:@0": 'character 18: must be a number from 1 to 1000000: got "0"',
};

for (const [text, sentence] of Object.entries(wrong)) {
  parse(`refuses ${JSON.stringify(text)} with the position`, () => {
    assert.is(refusal(text), `NSPOD_FAILPOINTS, ${sentence}`);
  });
}

const actions = fc.oneof(
  fc.constantFrom<FailAction>(
    { kind: "error", code: "ENOSPC", errno: 28 },
    { kind: "error", code: "EMFILE", errno: 24 },
    { kind: "kill" },
  ),
  fc.integer({ min: 1, max: 60_000 }).map((ms): FailAction => ({ kind: "delay", ms })),
);

function wordOf(action: FailAction): string {
  if (action.kind === "error") return `error(${action.code})`;
  return action.kind === "kill" ? "kill" : `delay(${action.ms})`;
}

const times = fc.oneof(
  fc.constant({ word: "", first: 1, last: Number.POSITIVE_INFINITY }),
  fc
    .integer({ min: 1, max: 999_999 })
    .chain((n) =>
      fc.constantFrom(
        { word: `:${n}`, first: 1, last: n },
        { word: `:@${n}`, first: n, last: n },
        { word: `:@${n}+`, first: n, last: Number.POSITIVE_INFINITY },
      ),
    ),
);

parse("reads what is written by its grammar", () => {
  const point = fc.record({ name: fc.constantFrom(...names), action: actions, when: times });
  fc.assert(
    fc.property(fc.array(point), (points) => {
      const text = points.map(({ name, action, when }) => `${name}=${wordOf(action)}${when.word}`);
      assert.equal(
        parseFailpoints(text.join(";")),
        points.map(({ name, action, when: { first, last } }) => ({ name, action, first, last })),
      );
    }),
  );
});

parse("says of any other text where it is wrong, within the text", () => {
  const pieces = fc.constantFrom(...names, "=", ";", ":", "@", "+", "kill", "error(EIO)", "1", " ");
  const texts = fc.oneof(
    fc.string(),
    fc.array(pieces).map((all) => all.join("")),
  );
  fc.assert(
    fc.property(texts, (text) => {
      const sentence = refusal(text);
      if (sentence === "none") return;
      const [, position] = /^NSPOD_FAILPOINTS, character (\d+): /.exec(sentence) ?? [];
      assert.ok(Number(position) >= 1 && Number(position) <= text.length + 1, sentence);
    }),
  );
});

parse.run();
