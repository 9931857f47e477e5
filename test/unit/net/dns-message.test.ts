// Messages are hostile: nothing that comes in makes the decoder throw, and what goes out can be read.
import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  codes,
  type DnsRecord,
  decodeAnswers,
  decodeQuestion,
  encodeAnswer,
  encodeQuery,
  queryId,
  types,
} from "../../../src/net/dns-message.ts";

const test = suite("DNS messages");
const name = ["web", "default", "svc", "cluster", "local"];

function answerOf(query: Buffer, answers: readonly DnsRecord[], longest = 65_535): Buffer {
  const question = decodeQuestion(query);
  if (question === undefined) throw new Error("The query cannot be read");
  return encodeAnswer(
    question,
    { code: codes.ok, isAuthoritative: true, answers, authority: [], additional: [] },
    longest,
  );
}

test("a question comes back as it was asked", () => {
  const query = encodeQuery(7, ["WEB", "Default"], types.A);
  const question = decodeQuestion(query);
  assert.equal(question?.name, ["web", "default"]);
  assert.is(question?.type, types.A);
  assert.is(question?.longest, 512);
  const answer = answerOf(query, []);
  assert.is(answer.readUInt16BE(0), 7);
  assert.equal(answer.subarray(12, query.length), query.subarray(12));
});

test("records survive the way out and in", () => {
  const records: DnsRecord[] = [
    { name, ttl: 5, type: "CNAME", target: ["a", "b"] },
    { name: ["a", "b"], ttl: 5, type: "A", address: "10.96.0.7" },
    { name: ["a", "b"], ttl: 5, type: "AAAA", bytes: Buffer.alloc(16, 1) },
  ];
  assert.equal(decodeAnswers(answerOf(encodeQuery(1, name, types.A), records)), records);
});

test("what does not fit is left out and said", () => {
  const records = Array.from({ length: 100 }, (_, index): DnsRecord => {
    return { name, ttl: 5, type: "A", address: `10.0.0.${index}` };
  });
  const answer = answerOf(encodeQuery(1, name, types.A), records, 512);
  assert.ok(answer.length <= 512);
  assert.is(answer.readUInt16BE(2) & 0x0200, 0x0200);
  assert.ok((decodeAnswers(answer)?.length ?? 0) > 20);
});

test("pointers that go round or forward are refused", () => {
  const loop = encodeQuery(1, [], types.A);
  const forged = Buffer.concat([loop.subarray(0, 12), Buffer.from([0xc0, 12, 0, 1, 0, 1])]);
  assert.is(decodeQuestion(forged), undefined);
});

test("no bytes make it throw", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const message = Buffer.from(bytes);
      decodeAnswers(message);
      const question = decodeQuestion(message);
      if (question !== undefined) assert.is(queryId(message), question.id);
    }),
    { numRuns: 2000 },
  );
});

test("damage to a real message does not make it throw", () => {
  const whole = answerOf(encodeQuery(1, name, types.A), [
    { name, ttl: 5, type: "CNAME", target: name },
    { name, ttl: 5, type: "A", address: "10.96.0.7" },
  ]);
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length), (at, value, end) => {
      const damaged = Buffer.from(whole.subarray(0, end));
      if (at < end) damaged.writeUInt8(value, at);
      decodeAnswers(damaged);
      decodeQuestion(damaged);
    }),
    { numRuns: 2000 },
  );
});

test.run();
