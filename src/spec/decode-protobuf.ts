/**
 * Kubernetes objects out of protobuf, as the JSON that the same client would have sent. kubectl since 1.32 sends
 * typed commands (create, scale, drain) this way.
 *
 *   "k8s\0" · Unknown { 1: TypeMeta { 1: apiVersion, 2: kind }, 2: the object, 3: contentEncoding, 4: contentType }
 *
 * As strict as JSON: unknown fields, fields given twice, broken UTF-8 and more than 100 levels or 100,000 parts are refused. What Go
 * sends of every struct whether set or not, the zeros of fields without a pointer, is left out.
 * Source: Kubernetes API concepts, "Kubernetes Protobuf encoding"; protobuf.dev, "Encoding".
 */
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { PodError } from "../base/errors.ts";
import { jsonShape, maxDepth, refuseShape } from "./json-shape.ts";
import { protobufKinds, protobufMessages } from "./protobuf-fields.gen.ts";

export const protobufMediaType = "application/vnd.kubernetes.protobuf";

const magic = [0x6b, 0x38, 0x73, 0];

type Json = Record<string, unknown>;

/**
 * @returns an object with its apiVersion and kind.
 * @throws PodError InvalidArgument with a sentence.
 */
export function decodeProtobuf(bytes: Uint8Array): Json {
  if (magic.some((byte, index) => bytes[index] !== byte)) {
    throw damaged('it does not begin with "k8s" and a zero byte');
  }
  try {
    return decodeEnvelope(new BinaryReader(bytes.subarray(magic.length)));
  } catch (error) {
    if (error instanceof PodError) throw error;
    // The reader throws plain errors about bytes that are no protobuf.
    throw damaged(error instanceof Error ? error.message : String(error));
  }
}

function decodeEnvelope(reader: BinaryReader): Json {
  const level: Level = { path: "", depth: 0, size: { parts: 0 } };
  const { identity, raw, contentEncoding, contentType } = decodeFields(reader, level, envelope);
  const { apiVersion = "", kind = "" } = (identity ?? {}) as Readonly<Record<string, string>>;
  if (contentEncoding !== undefined) {
    throw damaged(`contentEncoding: must be empty: got "${String(contentEncoding)}"`);
  }
  if (contentType !== undefined && contentType !== protobufMediaType) {
    throw damaged(`contentType: must be "${protobufMediaType}": got "${String(contentType)}"`);
  }
  const message =
    kind === "DeleteOptions" ? "meta.v1.DeleteOptions" : protobufKinds[`${apiVersion}/${kind}`];
  if (message === undefined) {
    throw damaged(`objects "${apiVersion}" "${kind}" are not read from it: send JSON`);
  }
  const content = raw instanceof Uint8Array ? raw : new Uint8Array();
  return { apiVersion, kind, ...decodeFields(new BinaryReader(content), level, fieldsOf(message)) };
}

interface Field {
  /** In JSON; "" for a struct whose fields stand among those around it. */
  readonly name: string;
  /** What one element is: see `protobuf.generate.ts`. */
  readonly type: string;
  readonly form: "one" | "list" | "map";
  /** Whether zero was written by somebody. */
  readonly keepsZero: boolean;
}

type Fields = ReadonlyMap<number, Field>;

const parsed = new Map<string, Fields>();

function fieldsOf(message: string): Fields {
  return parseFields(protobufMessages[message] ?? "");
}

function parseFields(text: string): Fields {
  const known = parsed.get(text);
  if (known !== undefined) return known;
  const rows = text.split(", ").map((row): readonly [number, Field] => {
    const [number, name = "", code = ""] = row.split(" ");
    const type = code.replace(/^(?:\.\.\.|\[|\{)|[\]}?]$/g, "");
    const form = code.startsWith("[") ? "list" : code.startsWith("{") ? "map" : "one";
    return [Number(number), { name, type, form, keepsZero: code.endsWith("?") }];
  });
  const fields = new Map(rows);
  parsed.set(text, fields);
  return fields;
}

const envelope = parseFields(
  "1 identity TypeMeta, 2 raw raw, 3 contentEncoding string, 4 contentType string",
);
const typeMeta = parseFields("1 apiVersion string, 2 kind string");
const seconds = parseFields("1 seconds int64, 2 nanos int32");
const word = parseFields("1 value string");
const words = parseFields("1 values [string]");
const raw = parseFields("1 value raw");
const number = parseFields("1 type int32, 2 number int32, 3 text string");

interface Level {
  readonly path: string;
  readonly depth: number;
  /** Of the whole body: each message, and each ten fields, are one part. */
  readonly size: { parts: number };
}

function decodeFields(reader: BinaryReader, level: Level, fields: Fields): Json {
  const { path, depth, size } = level;
  size.parts++;
  const result: Json = {};
  const embedded: Json[] = [];
  const seen = new Set<number>();
  while (reader.pos < reader.len) {
    const refusal = refuseShape({ depth, parts: size.parts });
    if (refusal !== undefined) throw damaged(`${path || "the object"} ${refusal}`);
    size.parts += 0.1;
    const [fieldNumber, wireType] = reader.tag();
    const field = fields.get(fieldNumber);
    if (field === undefined) {
      skipEmpty(reader, wireType, fieldNumber, path);
      continue;
    }
    const place = field.name === "" ? path : path === "" ? field.name : `${path}.${field.name}`;
    if (field.form === "one") {
      if (seen.has(fieldNumber)) throw damaged(`${place}: is given twice`);
      seen.add(fieldNumber);
    }
    const at: Place = { path: place, wireType, depth, size };
    if (field.form === "list") {
      const list = (result[field.name] ?? []) as unknown[];
      result[field.name] = list;
      const element = { ...at, path: `${place}[${list.length}]` };
      for (const value of readElements(reader, field, element)) list.push(value);
    } else if (field.form === "map") {
      const [key, value] = readEntry(reader, field, at);
      // Without a prototype: "__proto__" is a key like any other.
      const map = (result[field.name] ?? Object.create(null)) as Json;
      if (key in map) throw damaged(`${place}: has the key "${key}" twice`);
      map[key] = value;
      result[field.name] = map;
    } else {
      const value = readValue(reader, field.type, at);
      if (field.name === "") embedded.push(value as Json);
      else if (isWritten(value, field)) result[field.name] = value;
    }
  }
  return Object.assign(result, ...embedded) as Json;
}

/** A newer client has fields that are unknown here; only what it really sets must be understood. */
function skipEmpty(
  reader: BinaryReader,
  wireType: WireType,
  fieldNumber: number,
  path: string,
): void {
  const bytes = reader.skip(wireType, fieldNumber, maxDepth);
  if (bytes.every((byte) => byte === 0)) return;
  const where = path === "" ? "The object" : path;
  throw damaged(`${where}: has a field with the number ${fieldNumber}, which is unknown here`);
}

interface Place extends Level {
  readonly wireType: WireType;
}

/** One element, or many numbers in one piece ("packed"). */
function readElements(reader: BinaryReader, field: Field, at: Place): readonly unknown[] {
  const isPacked = at.wireType === WireType.LengthDelimited && wireTypeOf(field.type) !== 2;
  if (!isPacked) return [readValue(reader, field.type, at)];
  const inner = new BinaryReader(reader.bytes());
  const values: unknown[] = [];
  const element: Place = { ...at, wireType: wireTypeOf(field.type) };
  while (inner.pos < inner.len) values.push(readValue(inner, field.type, element));
  return values;
}

function readEntry(reader: BinaryReader, { type }: Field, at: Place): readonly [string, unknown] {
  const entry = readMessage(reader, at, parseFields(`1 key string, 2 value ${type}?`));
  const { key = "", value = emptyOf(type) } = entry;
  return [String(key), value];
}

/** What Go makes of an entry without a value. */
function emptyOf(type: string): unknown {
  if (type === "strings") return [];
  return type === "quantity" ? "0" : "";
}

function readMessage(reader: BinaryReader, at: Place, fields: Fields): Json {
  expectWire(at, WireType.LengthDelimited);
  return decodeFields(new BinaryReader(reader.bytes()), { ...at, depth: at.depth + 1 }, fields);
}

function readValue(reader: BinaryReader, type: string, at: Place): unknown {
  expectWire(at, wireTypeOf(type));
  switch (type) {
    case "string":
      return reader.string(true);
    case "raw":
      return reader.bytes();
    case "bytes":
      return Buffer.from(reader.bytes()).toString("base64");
    case "bool":
      return reader.bool();
    case "double":
      return reader.double();
    case "int32":
      return integer(reader, at.path, 2 ** 31);
    case "int64":
      return integer(reader, at.path, Number.MAX_SAFE_INTEGER);
    case "TypeMeta":
      return readMessage(reader, at, typeMeta);
    case "time":
    case "microTime":
      return time(readMessage(reader, at, seconds), type === "time" ? 0 : 6, at.path);
    case "quantity":
      return readMessage(reader, at, word)["value"] ?? "0";
    case "strings":
      return readMessage(reader, at, words)["values"] ?? [];
    case "intOrString": {
      const value = readMessage(reader, at, number);
      return value["type"] === 1 ? (value["text"] ?? "") : (value["number"] ?? 0);
    }
    case "json":
      return json(readMessage(reader, at, raw)["value"], at.path);
    default:
      return readMessage(reader, at, fieldsOf(type));
  }
}

function wireTypeOf(type: string): WireType {
  if (type === "double") return WireType.Bit64;
  const isVarint = type === "bool" || type === "int32" || type === "int64";
  return isVarint ? WireType.Varint : WireType.LengthDelimited;
}

function expectWire({ path, wireType }: Place, wanted: WireType): void {
  if (wireType === wanted) return;
  throw damaged(`${path}: has wire type ${wireType} in place of ${wanted}`);
}

function integer(reader: BinaryReader, path: string, bound: number): number {
  const value = Number(reader.int64());
  if (value >= -bound && value <= (bound === 2 ** 31 ? bound - 1 : bound)) return value;
  throw damaged(`${path}: is too large a number: ${value}`);
}

/** RFC 3339, or undefined for the zero of Go. @param digits - of the fraction of a second */
function time(parts: Json, digits: number, path: string): string | undefined {
  if (parts["seconds"] === undefined && parts["nanos"] === undefined) return undefined;
  const { seconds: whole = 0, nanos = 0 } = parts as Readonly<Record<string, number>>;
  const date = new Date(whole * 1000);
  // Years of four digits, as JSON has them.
  if (!(whole >= -62135596800 && whole <= 253402300799 && nanos >= 0 && nanos < 1e9)) {
    throw damaged(`${path}: is no time`);
  }
  const fraction = digits === 0 ? "" : `.${String(Math.floor(nanos / 1000)).padStart(6, "0")}`;
  return `${date.toISOString().slice(0, 19)}${fraction}Z`;
}

function json(bytes: unknown, path: string): unknown {
  if (!(bytes instanceof Uint8Array)) return undefined;
  let refusal: string | undefined;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    refusal = refuseShape(jsonShape(text));
    if (refusal === undefined) return JSON.parse(text);
  } catch {
    // SyntaxError, or TypeError for broken UTF-8.
    throw damaged(`${path}: is no JSON`);
  }
  throw damaged(`${path}: ${refusal}`);
}

/** Whether somebody set the field, not only Go. */
function isWritten(value: unknown, { type, keepsZero }: Field): boolean {
  if (value === undefined) return false;
  if (keepsZero) return true;
  const isZero = value === "" || value === 0 || value === false;
  return !isZero && !(type === "quantity" && value === "0");
}

function damaged(why: string): PodError {
  return new PodError("InvalidArgument", `The body is no Kubernetes protobuf: ${why}`);
}
