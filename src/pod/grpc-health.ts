/**
 * The two messages of grpc.health.v1.Health/Check, and gRPC's frame around a message. Pure.
 *
 *   frame     compressed flag (1 byte, 0) · length (4 bytes, big endian) · message
 *   request   field 1, string: service
 *   response  field 1, enum: status
 *
 * Source: grpc/grpc "GRPC over HTTP/2"; grpc-proto health/v1/health.proto; protobuf.dev "Encoding".
 */
import { PodError } from "../base/errors.ts";

const statuses = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"] as const;

const frameHeader = 5;
const varint = 0;
const lengthDelimited = 2;
const fixedSizes: Readonly<Record<number, number>> = { 1: 8, 5: 4 };

/** The framed request for a service; "" asks for the server as a whole. */
export function encodeHealthRequest(service: string): Buffer {
  const name = Buffer.from(service, "utf8");
  const message =
    name.length === 0
      ? name
      : Buffer.concat([
          Buffer.from([(1 << 3) | lengthDelimited, ...encodeVarint(name.length)]),
          name,
        ]);
  const header = Buffer.alloc(frameHeader);
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
}

/**
 * The status of a framed response: SERVING, NOT_SERVING …, or its number when it is none that we know.
 * @throws PodError InvalidArgument when the bytes are no such response.
 */
export function decodeHealthStatus(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length < frameHeader) throw damaged("the message is cut off");
  if (buffer[0] !== 0) throw damaged("the message is compressed");
  const end = frameHeader + buffer.readUInt32BE(1);
  if (buffer.length < end) throw damaged("the message is cut off");
  const number = enumField(buffer.subarray(frameHeader, end));
  return statuses[number] ?? String(number);
}

/** Field 1 of a message as a number; 0 when it is not there, the last one when it is there twice. */
function enumField(message: Buffer): number {
  let value = 0;
  let at = 0;
  const next = (): number => {
    let result = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = message[at++];
      if (byte === undefined) throw damaged("a number is cut off");
      // 2 ** shift instead of <<: more than 32 bits may come, and only small numbers matter.
      result += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return result;
    }
    throw damaged("a number is too long");
  };
  while (at < message.length) {
    const key = next();
    const type = key & 7;
    if (type === varint) {
      const number = next();
      if (Math.floor(key / 8) === 1) value = number;
      continue;
    }
    const size = type === lengthDelimited ? next() : fixedSizes[type];
    if (size === undefined) throw damaged(`a field has the unknown type ${type}`);
    at += size;
    if (at > message.length) throw damaged("a field is cut off");
  }
  return value;
}

function encodeVarint(number: number): number[] {
  const bytes: number[] = [];
  let rest = number;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return [...bytes, rest];
}

function damaged(what: string): PodError {
  return new PodError("InvalidArgument", `Cannot read the answer of the health service: ${what}`);
}
