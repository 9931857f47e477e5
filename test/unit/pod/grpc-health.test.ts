import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isPodError } from "../../../src/base/errors.ts";
import { decodeHealthStatus, encodeHealthRequest } from "../../../src/pod/grpc-health.ts";

function framed(...bytes: readonly number[]): Buffer {
  return Buffer.from([0, 0, 0, 0, bytes.length, ...bytes]);
}

const encode = suite("encodeHealthRequest()");

encode("is an empty message for the server as a whole", () => {
  assert.equal([...encodeHealthRequest("")], [0, 0, 0, 0, 0]);
});

encode("has the service's name as field 1", () => {
  assert.equal([...encodeHealthRequest("db")], [0, 0, 0, 0, 4, 0x0a, 2, 0x64, 0x62]);
});

encode("writes long names with a length of several bytes", () => {
  const bytes = encodeHealthRequest("x".repeat(300));
  assert.equal([...bytes.subarray(0, 8)], [0, 0, 0, 1, 47, 0x0a, 0xac, 0x02]);
  assert.is(bytes.length, 5 + 3 + 300);
});

encode.run();

const decode = suite("decodeHealthStatus()");

decode("names the status", () => {
  assert.is(decodeHealthStatus(framed(0x08, 1)), "SERVING");
  assert.is(decodeHealthStatus(framed(0x08, 2)), "NOT_SERVING");
  assert.is(decodeHealthStatus(framed(0x08, 3)), "SERVICE_UNKNOWN");
  assert.is(decodeHealthStatus(framed(0x08, 9)), "9");
});

decode("takes a missing field for its default, UNKNOWN", () => {
  assert.is(decodeHealthStatus(framed()), "UNKNOWN");
});

decode("skips fields of every type that it does not know", () => {
  const others = [
    ...[0x10, 0xff, 0x01],
    ...[0x1a, 2, 7, 7],
    ...[0x21, 0, 0, 0, 0, 0, 0, 0, 0],
    ...[0x2d, 0, 0, 0, 0],
  ];
  assert.is(decodeHealthStatus(framed(...others, 0x08, 1)), "SERVING");
});

decode("refuses what is cut off or compressed", () => {
  for (const bytes of [
    Buffer.alloc(0),
    Buffer.from([0, 0, 0, 0, 2, 8]),
    Buffer.from([1, 0, 0, 0, 2, 8, 1]),
    framed(0x08),
    framed(0x1a, 9, 1),
  ]) {
    assert.throws(
      () => decodeHealthStatus(bytes),
      (error: unknown) => isPodError(error, "InvalidArgument"),
    );
  }
});

decode("answers or refuses whatever comes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      for (const input of [bytes, framed(...bytes)]) {
        try {
          assert.type(decodeHealthStatus(input), "string");
        } catch (error) {
          assert.ok(isPodError(error, "InvalidArgument"), String(error));
        }
      }
    }),
  );
});

decode.run();
