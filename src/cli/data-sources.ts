/**
 * Keys and values for ConfigMaps and Secrets: literals, files, and files of variables, as `kubectl create` and
 * kustomize read them.
 */
import { basename } from "node:path";
import { PodError } from "../base/errors.ts";

/** Reads a whole file. */
export type ReadFile = (path: string) => Buffer;

export interface DataSources {
  /** `KEY=VALUE`. */
  readonly literals?: readonly string[];
  /** `KEY=PATH`, or `PATH` whose last part is the key. */
  readonly files?: readonly string[];
  /** Files of `KEY=VALUE` lines; a key alone takes its value from the environment. */
  readonly envs?: readonly string[];
}

/**
 * The values by key, env files first.
 * @param owner - the name of the object, for complaints.
 * @throws PodError InvalidArgument for a literal or a line without "=", and for a key that is given twice.
 */
export function readDataSources(
  { literals = [], files = [], envs = [] }: DataSources,
  owner: string,
  readFile: ReadFile,
): ReadonlyMap<string, Buffer> {
  const values = new Map<string, Buffer>();
  const add = (key: string, value: Buffer): void => {
    if (values.has(key)) {
      throw new PodError("InvalidArgument", `Key "${key}" of "${owner}" is given twice`);
    }
    values.set(key, value);
  };
  for (const path of envs) {
    for (const [key, value] of envLines(readFile(path).toString("utf8"))) add(key, value);
  }
  for (const file of files) {
    const [key, path] = file.includes("=") ? split(file) : [basename(file), file];
    add(key, readFile(path));
  }
  for (const literal of literals) {
    const [key, value] = split(literal);
    add(key, Buffer.from(value));
  }
  return values;
}

function split(text: string): readonly [string, string] {
  const at = text.indexOf("=");
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new PodError("InvalidArgument", `"${text}" must be written as KEY=VALUE`);
}

function envLines(text: string): readonly (readonly [string, Buffer])[] {
  const lines = text.split(/\r?\n/).map((line) => line.trimStart());
  return lines
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      if (!line.includes("=")) return [line, Buffer.from(process.env[line] ?? "")] as const;
      const [key, value] = split(line);
      return [key, Buffer.from(value)] as const;
    });
}

/** `data` of a ConfigMap, and `binaryData` for what is no text. */
export function configData(values: ReadonlyMap<string, Buffer>): {
  readonly data?: Readonly<Record<string, string>>;
  readonly binaryData?: Readonly<Record<string, string>>;
} {
  const data: Record<string, string> = {};
  const binaryData: Record<string, string> = {};
  for (const [key, value] of values) {
    const text = value.toString("utf8");
    if (Buffer.from(text).equals(value)) data[key] = text;
    else binaryData[key] = value.toString("base64");
  }
  return {
    ...(Object.keys(data).length > 0 && { data }),
    ...(Object.keys(binaryData).length > 0 && { binaryData }),
  };
}

/** `data` of a Secret: base64. */
export function secretData(values: ReadonlyMap<string, Buffer>): Readonly<Record<string, string>> {
  return Object.fromEntries([...values].map(([key, value]) => [key, value.toString("base64")]));
}
