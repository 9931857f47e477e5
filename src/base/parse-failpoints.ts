/**
 * The grammar of NSPOD_FAILPOINTS; pure.
 *
 *   points = point { ";" point }             NSPOD_FAILPOINTS='cgroup/hierarchy.create=error(ENOSPC):1;shim.exit-record=kill'
 *   point  = name "=" action [ ":" times ]
 *   action = "error(" ERRNO ")" | "kill" | "delay(" ms ")"
 *   times  = N      the first N times that the process comes by
 *          | "@" N  the Nth time alone
 *          | "@" N "+"  the Nth time and ever after            absent: every time
 *
 * The same name may stand several times: the first point whose time it is acts.
 */
import { getSystemErrorMap } from "node:util";
import { PodError } from "./errors.ts";
import { type FailpointName, isFailpoint } from "./failpoint-table.ts";

export type FailAction =
  | { readonly kind: "error"; readonly code: string; readonly errno: number }
  | { readonly kind: "kill" }
  | { readonly kind: "delay"; readonly ms: number };

export interface Failpoint {
  readonly name: FailpointName;
  readonly action: FailAction;
  /** It acts from this time, counted from 1, … */
  readonly first: number;
  /** … to this one; Infinity: without end. */
  readonly last: number;
}

const longestDelayMs = 60_000;
const mostTimes = 1_000_000;

/** @throws PodError InvalidArgument with the position, counted from 1, of what is wrong. */
export function parseFailpoints(text: string): readonly Failpoint[] {
  const points: Failpoint[] = [];
  let at = 0;
  for (const word of text.split(";")) {
    if (word !== "") points.push(parsePoint(word, at));
    at += word.length + 1;
  }
  return points;
}

function parsePoint(word: string, start: number): Failpoint {
  const [, name = "", rest] = /^([^=]*)(?:=(.*))?$/s.exec(word) ?? [];
  if (!isFailpoint(name)) throw invalid(`there is no fail point "${name}"`, start);
  if (rest === undefined) throw invalid(`"=" and an action are missing`, start + name.length);
  const from = start + name.length + 1;
  const [, action = "", times] = /^([^:]*)(?::(.*))?$/s.exec(rest) ?? [];
  return {
    name,
    action: parseAction(action, from),
    ...(times === undefined
      ? { first: 1, last: Number.POSITIVE_INFINITY }
      : parseTimes(times, from + action.length + 1)),
  };
}

function parseAction(text: string, at: number): FailAction {
  const [, kind, value = ""] = /^(error|kill|delay)(?:\((\w+)\))?$/.exec(text) ?? [];
  if (kind === "kill" && text === "kill") return { kind };
  const inner = at + text.indexOf("(") + 1;
  if (kind === "error" && value !== "") return { kind, ...parseErrno(value, inner) };
  if (kind === "delay" && value !== "")
    return { kind, ms: parseNumber(value, longestDelayMs, inner) };
  throw invalid(`an action is error(ERRNO), kill or delay(MS): got "${text}"`, at);
}

function parseErrno(code: string, at: number): { readonly code: string; readonly errno: number } {
  // libuv's numbers are those of the kernel with a minus; its own begin at 3000.
  for (const [number, [name]] of getSystemErrorMap()) {
    if (name === code && number > -3000) return { code, errno: -number };
  }
  throw invalid(`"${code}" is no errno`, at);
}

function parseTimes(text: string, at: number): Pick<Failpoint, "first" | "last"> {
  const [, sign, digits = "", plus] = /^(@?)(\d+)(\+?)$/.exec(text) ?? [];
  const isCount = sign === "" && plus === "";
  if (sign === undefined || (sign === "" && !isCount)) {
    throw invalid(`times are N, @N or @N+: got "${text}"`, at);
  }
  const number = parseNumber(digits, mostTimes, at + sign.length);
  if (isCount) return { first: 1, last: number };
  return { first: number, last: plus === "" ? number : Number.POSITIVE_INFINITY };
}

function parseNumber(text: string, most: number, at: number): number {
  const number = /^\d{1,7}$/.test(text) ? Number(text) : 0;
  if (number >= 1 && number <= most) return number;
  throw invalid(`must be a number from 1 to ${most}: got "${text}"`, at);
}

function invalid(problem: string, at: number): PodError {
  return new PodError("InvalidArgument", `NSPOD_FAILPOINTS, character ${at + 1}: ${problem}`);
}
