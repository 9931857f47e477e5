// Bodies in protobuf: the forms that JSON has of its own, what Go writes without being asked, and bytes of enemies.
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isPodError } from "../../../src/base/errors.ts";
import { decodeProtobuf } from "../../../src/spec/decode-protobuf.ts";
import { protobufKinds, protobufMessages } from "../../../src/spec/protobuf-fields.gen.ts";

type Fill = (writer: BinaryWriter) => void;

/** A field that holds a message. */
function message(number: number, fill: Fill): Fill {
  return (writer) => {
    writer.tag(number, WireType.LengthDelimited).fork();
    fill(writer);
    writer.join();
  };
}

function text(number: number, value: string): Fill {
  return (writer) => void writer.tag(number, WireType.LengthDelimited).string(value);
}

function int(number: number, value: number): Fill {
  return (writer) => void writer.tag(number, WireType.Varint).int64(value);
}

function all(...fills: readonly Fill[]): Fill {
  return (writer) => {
    for (const fill of fills) fill(writer);
  };
}

function body(apiVersion: string, kind: string, object: Fill, more: Fill = all()): Uint8Array {
  const writer = new BinaryWriter();
  all(message(1, all(text(1, apiVersion), text(2, kind))), message(2, object), more)(writer);
  return Buffer.concat([Buffer.from("k8s\0"), writer.finish()]);
}

/** As the HTTP door hands it on. */
function decode(bytes: Uint8Array): unknown {
  return JSON.parse(JSON.stringify(decodeProtobuf(bytes)));
}

function refusal(bytes: Uint8Array): string {
  try {
    decodeProtobuf(bytes);
  } catch (error) {
    if (isPodError(error, "InvalidArgument")) return error.message;
    throw error;
  }
  throw new Error("Nothing was refused");
}

const tests = suite("decodeProtobuf()");

tests("reads maps, lists, times, and drops the zeros that Go always sends", () => {
  const metadata = all(
    text(1, "web"),
    text(2, ""),
    text(3, "default"),
    int(7, 0),
    message(8, () => undefined),
    message(11, all(text(1, "app"), text(2, "web"))),
    message(11, all(text(1, "__proto__"), text(2, "safe"))),
    message(11, text(1, "empty")),
    text(14, "keep"),
  );
  const object = decode(body("v1", "ConfigMap", all(message(1, metadata))));
  assert.equal(
    object,
    JSON.parse(
      '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"web","namespace":"default","labels":{"app":"web","__proto__":"safe","empty":""},"finalizers":["keep"]}}',
    ),
  );
});

tests("keeps the zero of a pointer", () => {
  assert.equal(decode(body("apps/v1", "Deployment", message(2, all(int(1, 0), int(5, 0))))), {
    apiVersion: "apps/v1",
    kind: "Deployment",
    spec: { replicas: 0 },
  });
});

tests("writes quantities, numbers or words, bytes and embedded structs as JSON has them", () => {
  const probe = all(
    message(1, message(2, all(text(1, "/"), message(2, all(int(1, 1), text(3, "http")))))),
    int(2, 5),
  );
  const resources = message(1, all(text(1, "cpu"), message(2, text(1, "500m"))));
  const container = all(text(1, "main"), message(8, resources), message(10, probe));
  const volume = all(text(1, "scratch"), message(2, message(2, text(1, ""))));
  const pod = decode(body("v1", "Pod", message(2, all(message(1, volume), message(2, container)))));
  assert.equal(pod, {
    apiVersion: "v1",
    kind: "Pod",
    spec: {
      volumes: [{ name: "scratch", emptyDir: {} }],
      containers: [
        {
          name: "main",
          resources: { limits: { cpu: "500m" } },
          livenessProbe: { httpGet: { path: "/", port: "http" }, initialDelaySeconds: 5 },
        },
      ],
    },
  });
  const entry = all(text(1, "key"), text(2, "\u0001x"));
  const secret = decode(body("v1", "Secret", all(message(2, entry), text(3, "Opaque"))));
  assert.equal(secret, {
    apiVersion: "v1",
    kind: "Secret",
    data: { key: "AXg=" },
    type: "Opaque",
  });
  const window = decode(
    body("v1", "Event", all(message(6, int(1, 1_700_000_000)), message(10, int(2, 1500)))),
  );
  assert.equal(window, {
    apiVersion: "v1",
    kind: "Event",
    firstTimestamp: "2023-11-14T22:13:20Z",
    eventTime: "1970-01-01T00:00:00.000001Z",
  });
});

tests("reads packed and single numbers alike", () => {
  const spec = (groups: Fill): unknown =>
    decode(body("v1", "Pod", message(2, message(14, groups))));
  const packed: Fill = (writer) => {
    writer.tag(4, WireType.LengthDelimited).fork().int64(7).int64(9).join();
  };
  assert.equal(spec(packed), spec(all(int(4, 7), int(4, 9))));
});

tests("leaves out what a newer client does not set, and refuses what it sets", () => {
  const empty = all(text(900, ""), int(901, 0));
  assert.equal(decode(body("v1", "ConfigMap", empty)), { apiVersion: "v1", kind: "ConfigMap" });
  assert.match(refusal(body("v1", "ConfigMap", text(900, "x"))), /a field with the number 900/);
});

tests("refuses what is not the protobuf of Kubernetes, with the reason", () => {
  const name = text(1, "a");
  const cases: readonly (readonly [Uint8Array, RegExp])[] = [
    [new Uint8Array(), /does not begin with "k8s"/],
    [Buffer.from("k8s\0\xff", "latin1"), /no Kubernetes protobuf/],
    [body("v1", "Nothing", all()), /objects "v1" "Nothing" are not read/],
    [body("v1", "ConfigMap", message(1, all(name, name))), /metadata\.name: is given twice/],
    [body("v1", "ConfigMap", message(1, int(1, 5))), /metadata\.name: has wire type 0/],
    [body("v1", "ConfigMap", all(), text(3, "gzip")), /contentEncoding: must be empty/],
    [body("v1", "ConfigMap", all(), text(4, "text/plain")), /contentType: must be/],
    [body("apps/v1", "Deployment", message(2, int(1, 2 ** 40))), /spec\.replicas: is too large/],
    [body("apps/v1", "ControllerRevision", message(2, text(1, "{"))), /data: is no JSON/],
    [
      body("apps/v1", "ControllerRevision", message(2, text(1, "[".repeat(200)))),
      /data: is nested more than 100 levels deep/,
    ],
    [
      body("v1", "ConfigMap", (writer) => {
        writer.tag(1, WireType.LengthDelimited).uint32(1000);
      }),
      /premature EOF/,
    ],
    [
      body(
        "v1",
        "ConfigMap",
        message(1, (writer) => {
          writer.tag(1, WireType.LengthDelimited).bytes(Uint8Array.of(0xff));
        }),
      ),
      /no Kubernetes protobuf/,
    ],
  ];
  for (const [bytes, reason] of cases) assert.match(refusal(bytes), reason);
});

tests("refuses a body of many small parts before it is large", () => {
  const containers: Fill = (writer) => void writer.raw(Buffer.alloc(400_000, "\u0012\0"));
  assert.match(refusal(body("v1", "Pod", message(2, containers))), /has more than 100000 objects/);
});

tests("ends for any bytes, with an object or a sentence", () => {
  const kinds = Object.keys(protobufKinds);
  const start = fc.constantFrom(...kinds).map((kind) => {
    const at = kind.lastIndexOf("/");
    return [kind.slice(0, at), kind.slice(at + 1)] as const;
  });
  const ends = (bytes: Uint8Array): void => {
    try {
      decodeProtobuf(bytes);
    } catch (error) {
      assert.ok(isPodError(error, "InvalidArgument"), String(error));
    }
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), ends));
  fc.assert(
    fc.property(start, fc.uint8Array({ maxLength: 300 }), ([apiVersion, kind], bytes) => {
      const raw: Fill = (writer) => void writer.raw(bytes);
      ends(body(apiVersion, kind, raw));
    }),
    { numRuns: 500 },
  );
});

tests("has a message for every kind, and every type that a field names", () => {
  const known = new Set(Object.keys(protobufMessages));
  for (const [kind, name] of Object.entries(protobufKinds)) assert.ok(known.has(name), kind);
  for (const [name, fields] of Object.entries(protobufMessages)) {
    for (const row of fields.split(", ").filter(Boolean)) {
      const type = (row.split(" ")[2] ?? "").replace(/^(?:\.\.\.|\[|\{)|[\]}?]$/g, "");
      assert.ok(!type.includes(".") || known.has(type), `${name}: ${row}`);
    }
  }
});

tests.run();
