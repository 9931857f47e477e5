/**
 * Kubernetes quantities: `100m`, `1.5Gi`, `2e3`.
 *
 * Exact: a quantity is a bigint count of nano-units, the finest that Kubernetes keeps (finer parts round up, away
 * from zero). Grammar, suffixes and the canonical form: Kubernetes API reference, "Quantity" — no fraction digits,
 * the largest suffix that loses nothing, no sign unless negative. Above 2⁶³−1 Kubernetes quietly caps; we refuse.
 */

import { PodError } from "../base/errors.ts";

/** Which family of suffixes the author used; the canonical form keeps it. */
export type QuantityFormat = "DecimalSI" | "BinarySI" | "DecimalExponent";

/** An exact amount: `nano` × 10⁻⁹ units. */
export interface Quantity {
  readonly nano: bigint;
  readonly format: QuantityFormat;
}

const NANO_PER_UNIT = 1_000_000_000n;
const MAX_NANO = (2n ** 63n - 1n) * NANO_PER_UNIT;
/** Longest text that we look at: enough for any number in range. */
const MAX_TEXT = 64;

/** Decimal suffixes with their power of ten. */
const DECIMAL_SUFFIXES: ReadonlyMap<string, number> = new Map([
  ["n", -9],
  ["u", -6],
  ["m", -3],
  ["", 0],
  ["k", 3],
  ["M", 6],
  ["G", 9],
  ["T", 12],
  ["P", 15],
  ["E", 18],
]);

/** Binary suffixes with their power of 1024. */
const BINARY_SUFFIXES: ReadonlyMap<string, number> = new Map([
  ["Ki", 1],
  ["Mi", 2],
  ["Gi", 3],
  ["Ti", 4],
  ["Pi", 5],
  ["Ei", 6],
]);

const GRAMMAR = /^([+-]?)(?:(\d+)(?:\.(\d*))?|\.(\d+))(?:[eE]([+-]?\d+)|([KMGTPE]i|[numkMGTPE])?)$/;

/** True when `parseQuantity` accepts the text. */
export function isQuantity(text: string): boolean {
  return read(text) !== undefined;
}

/**
 * Reads a quantity.
 * @throws PodError InvalidArgument when the text is no quantity or is above 2⁶³−1 in magnitude
 */
export function parseQuantity(text: string): Quantity {
  const quantity = read(text);
  if (quantity === undefined) {
    throw new PodError(
      "InvalidArgument",
      `Cannot read quantity ${JSON.stringify(text.slice(0, MAX_TEXT))}: it must look like 500m, 2, 64Mi or 1G and be at most 2^63-1`,
    );
  }
  return quantity;
}

function read(text: string): Quantity | undefined {
  const match = text.length > MAX_TEXT ? null : GRAMMAR.exec(text);
  if (match === null) {
    return undefined;
  }
  const [, sign, whole = "", pointed = "", bare = "", exponent, suffix = ""] = match;
  const fraction = pointed + bare;
  const digits = BigInt(whole + fraction);
  const power = exponent === undefined ? (DECIMAL_SUFFIXES.get(suffix) ?? 0) : Number(exponent);
  const binaryPower = exponent === undefined ? BINARY_SUFFIXES.get(suffix) : undefined;
  const format =
    exponent !== undefined
      ? "DecimalExponent"
      : binaryPower !== undefined
        ? "BinarySI"
        : "DecimalSI";

  const magnitude =
    digits === 0n
      ? 0n
      : scale(digits * 1024n ** BigInt(binaryPower ?? 0), power + 9 - fraction.length);
  if (magnitude === undefined || magnitude > MAX_NANO) {
    return undefined;
  }
  return { nano: sign === "-" ? -magnitude : magnitude, format };
}

/** value × 10^power, rounded up; undefined when it is far out of range, before any huge number is built. */
function scale(value: bigint, power: number): bigint | undefined {
  if (power >= 0) {
    return power > 40 ? undefined : value * 10n ** BigInt(power);
  }
  // No text of 64 characters has more digits than this divisor: the result is the smallest unit.
  return power < -200 ? 1n : divideUp(value, 10n ** BigInt(-power));
}

function divideUp(value: bigint, divisor: bigint): bigint {
  return (value + divisor - 1n) / divisor;
}

/** Negative, zero or positive as `a` is less than, equal to or greater than `b`. */
export function compareQuantities(a: Quantity, b: Quantity): number {
  return a.nano === b.nano ? 0 : a.nano < b.nano ? -1 : 1;
}

/** The canonical text, as `kubectl get -o yaml` shows it: 1.5Gi → 1536Mi, 0.5 → 500m, 1000 → 1k. */
export function formatQuantity(quantity: Quantity): string {
  const { nano } = quantity;
  if (nano === 0n) {
    return "0";
  }
  const sign = nano < 0n ? "-" : "";
  const magnitude = nano < 0n ? -nano : nano;
  const isWhole = magnitude % NANO_PER_UNIT === 0n;
  // Kubernetes shows small or broken amounts of bytes in decimal, so that nothing is rounded.
  if (quantity.format === "BinarySI" && isWhole && magnitude >= 1024n * NANO_PER_UNIT) {
    return sign + formatBinary(magnitude / NANO_PER_UNIT);
  }
  return sign + formatDecimal(magnitude, quantity.format === "DecimalExponent");
}

function formatBinary(units: bigint): string {
  let rest = units;
  let suffix = "";
  for (const candidate of BINARY_SUFFIXES.keys()) {
    if (rest % 1024n !== 0n) {
      break;
    }
    rest /= 1024n;
    suffix = candidate;
  }
  return `${rest}${suffix}`;
}

function formatDecimal(nano: bigint, asExponent: boolean): string {
  let rest = nano;
  let [suffix, power] = ["n", -9];
  for (const [nextSuffix, nextPower] of DECIMAL_SUFFIXES) {
    if (nextPower > power) {
      if (rest % 1000n !== 0n) {
        break;
      }
      rest /= 1000n;
      [suffix, power] = [nextSuffix, nextPower];
    }
  }
  const exponent = power === 0 ? "" : `e${power}`;
  return `${rest}${asExponent ? exponent : suffix}`;
}

/** The canonical text of a quantity in any spelling. @throws PodError InvalidArgument */
export function canonicalQuantity(text: string): string {
  return formatQuantity(parseQuantity(text));
}

/**
 * Thousandths of a CPU, rounded up as Kubernetes does: `0.5` → 500, `1n` → 1.
 * @throws PodError InvalidArgument when it is no quantity or not exact as a number
 */
export function cpuMillis(text: string): number {
  return wholeNumber(text, NANO_PER_UNIT / 1000n);
}

/**
 * Bytes, rounded up: `64Mi` → 67108864, `1500m` → 2.
 * @throws PodError InvalidArgument when it is no quantity or above 2⁵³−1
 */
export function byteCount(text: string): number {
  return wholeNumber(text, NANO_PER_UNIT);
}

function wholeNumber(text: string, nanoPerStep: bigint): number {
  const { nano } = parseQuantity(text);
  const steps = nano < 0n ? nano / nanoPerStep : divideUp(nano, nanoPerStep);
  const number = Number(steps);
  if (!Number.isSafeInteger(number)) {
    throw new PodError(
      "InvalidArgument",
      `Cannot use quantity ${JSON.stringify(text)}: it is too large`,
    );
  }
  return number;
}
