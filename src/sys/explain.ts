/**
 * Prints a syscall program the way strace prints a process: one line per operation, its number
 * (the one that errors name) in front and the field of the user's YAML that it comes from behind.
 *
 *   17  mount("proc", "proc", "proc", MS_NOSUID|MS_NODEV, NULL)          spec.containers[0]
 *   18  openat(r3, "etc", O_PATH) = r7 (or ENOENT)                  spec.containers[0].image
 *
 * `r7` is register 7; "or ENOENT" a failure that only skips what uses the result; "always" runs
 * after a failure too. Tables of pointers are shown where they are used, so RELOC has no line.
 * Pure: tests compare listings without root, `nspod run --explain` shows them.
 */
import { type ConstantName, K } from "./abi.ts";
import {
  isPseudo,
  type Operand,
  type Operation,
  type PoolPointer,
  type Program,
  type PseudoName,
} from "./program.ts";
import { type OperandKind, signatures } from "./signatures.ts";

/** A call that is longer pushes its origin to the right instead of everyone's. */
const maxCallColumn = 96;
/** Longer strings are cut in the middle. */
const maxText = 72;

/** The listing; ends with a line break. */
export function explain(program: Program): string {
  const pool = poolOf(program);
  const rows = program.operations.flatMap((operation, index) =>
    operation.name === "RELOC"
      ? []
      : [{ index, call: callText(operation, pool), origin: operation.origin }],
  );
  const widths = rows.map(({ call }) => call.length).filter((width) => width <= maxCallColumn);
  const column = Math.max(0, ...widths) + 2;
  const digits = Math.max(2, String(program.operations.length).length);
  const lines = rows.map(({ index, call, origin }) => {
    const number = String(index).padStart(digits);
    // At least two blanks, also behind a call that is longer than the column.
    const place = origin === "" ? call : `${call.padEnd(column - 2)}  ${origin}`;
    return `  ${number}  ${place}`.trimEnd();
  });
  return `${[program.title, ...lines].join("\n")}\n`;
}

/** Everything in the pool that some operation points at, to name places inside of it. */
function poolOf(program: Program): readonly PoolPointer[] {
  return program.operations.flatMap(({ operands }) =>
    operands.filter((operand) => typeof operand === "object" && operand.kind === "pool"),
  );
}

function callText(operation: Operation, pool: readonly PoolPointer[]): string {
  const { name, options } = operation;
  const { into, tolerate = [], always = false, whole = false } = options;
  const call = isPseudo(name)
    ? pseudoText(name, operation, pool)
    : `${name}(${operandTexts(operation).join(", ")})`;
  // LOAD says its register itself.
  const result = into === undefined || name === "LOAD" ? "" : ` = r${into.number}`;
  const notes = [
    ...(tolerate.length === 0 ? [] : [`(or ${tolerate.join(", ")})`]),
    ...(whole ? ["whole"] : []),
    ...(always ? ["always"] : []),
  ];
  return [`${call}${result}`, ...notes].join(" ");
}

function pseudoText(name: PseudoName, operation: Operation, pool: readonly PoolPointer[]): string {
  const { operands, options } = operation;
  const [first = 0, second = 0] = operands;
  switch (name) {
    case "RELOC":
      return `${placeText(first, pool)} = &${placeText(second, pool)}`;
    case "EXPECT0":
      return `expect 0 in ${placeText(first, pool)}`;
    case "STORE":
      return `${placeText(first, pool)} = r${plain(second)}`;
    case "LOAD":
      return `r${options.into?.number ?? "?"} = ${placeText(first, pool)}`;
    case "DIVIDE":
      return "divide: the rest in a child of its own memory";
    case "SYNC": {
      const halves = [
        ...(is(first, -1) ? [] : [`write a byte to ${plain(first)}`]),
        ...(is(second, -1) ? [] : [`wait for a byte from ${plain(second)}`]),
      ];
      return `sync: ${halves.join(", ")}`;
    }
  }
}

/** A place in the pool, by the name of what lies there: `<acknowledgement>+16`. */
function placeText(offset: Operand, pool: readonly PoolPointer[]): string {
  if (typeof offset !== "number") return plain(offset);
  const around = pool.find((each) => offset >= each.offset && offset < each.offset + each.length);
  if (around === undefined) return `pool+${offset}`;
  const inside = offset - around.offset;
  return inside === 0 ? shorten(around.text) : `${shorten(around.text)}+${inside}`;
}

function operandTexts({ name, operands }: Operation): string[] {
  const signature = isPseudo(name) ? undefined : signatures[name];
  const kinds = typeof signature === "function" ? signature(operands) : (signature ?? []);
  const texts = operands.map((operand, index) => operandText(operand, kinds[index] ?? "int"));
  // Without O_CREAT (and O_TMPFILE) openat ignores its mode.
  return name === "openat" && is(operands[3], 0) ? texts.slice(0, 3) : texts;
}

function operandText(operand: Operand, kind: OperandKind): string {
  if (typeof operand === "object") return plain(operand);
  const value = BigInt(operand);
  if (typeof kind === "object") {
    return "one" in kind ? nameOf(value, kind.one) : bitNames(value, kind.bits);
  }
  switch (kind) {
    case "int":
      return String(operand);
    case "fd":
      return BigInt.asIntN(32, value) === BigInt(K.AT_FDCWD) ? "AT_FDCWD" : String(operand);
    case "pointer":
      return value === 0n ? "NULL" : String(operand);
    case "octal":
      return octal(value);
    case "mode":
      return modeText(value);
    case "device":
      return deviceText(value);
    case "id":
      // (uid_t)-1: leave it as it is.
      return BigInt.asUintN(32, value) === 0xffff_ffffn ? "-1" : String(operand);
    case "last":
      return BigInt.asUintN(32, value) === 0xffff_ffffn ? "~0" : String(operand);
  }
}

function plain(operand: Operand): string {
  if (typeof operand !== "object") return String(operand);
  return operand.kind === "register" ? `r${operand.number}` : shorten(operand.text);
}

function is(operand: Operand | undefined, value: number): boolean {
  return typeof operand === "number" && operand === value;
}

function shorten(text: string): string {
  if (text.length <= maxText) return text;
  return `${text.slice(0, maxText - 20)}…${text.slice(-19)}`;
}

function octal(value: bigint): string {
  return value === 0n ? "000" : `0${value.toString(8)}`;
}

function nameOf(value: bigint, names: readonly ConstantName[]): string {
  return names.find((name) => BigInt(K[name]) === value) ?? String(value);
}

/** Names of the bits that are set, widest first (O_TMPFILE holds O_DIRECTORY); the rest in hex. */
function bitNames(value: bigint, names: readonly ConstantName[]): string {
  // Widest first also tells SOCK_RAW (3) from SOCK_STREAM (1) with SOCK_DGRAM (2).
  const candidates = names
    .map((name) => ({ name, mask: BigInt(K[name]) }))
    .filter(({ mask }) => mask > 0n)
    .sort((left, right) => countBits(right.mask) - countBits(left.mask));
  let rest = BigInt.asUintN(64, value);
  const found: { readonly name: string; readonly mask: bigint }[] = [];
  for (const candidate of candidates) {
    if ((rest & candidate.mask) !== candidate.mask) continue;
    found.push(candidate);
    rest &= ~candidate.mask;
  }
  found.sort((left, right) => (left.mask < right.mask ? -1 : 1));
  const texts = found.map(({ name }) => name);
  if (names.includes("O_RDONLY") && (value & 3n) === 0n && !isPathOnly(value)) {
    texts.unshift("O_RDONLY");
  }
  if (rest !== 0n) texts.push(`0x${rest.toString(16)}`);
  return texts.length === 0 ? "0" : texts.join("|");
}

/** O_PATH ignores the access mode (open(2)). */
function isPathOnly(value: bigint): boolean {
  return (value & BigInt(K.O_PATH)) !== 0n;
}

function countBits(value: bigint): number {
  return value.toString(2).replaceAll("0", "").length;
}

const fileTypes = [
  "S_IFSOCK",
  "S_IFLNK",
  "S_IFREG",
  "S_IFBLK",
  "S_IFDIR",
  "S_IFCHR",
  "S_IFIFO",
] as const;

function modeText(value: bigint): string {
  const type = value & BigInt(K.S_IFMT);
  const name = fileTypes.find((each) => BigInt(K[each]) === type);
  return name === undefined ? octal(value) : `${name}|${octal(value & ~BigInt(K.S_IFMT))}`;
}

/** The kernel's new_decode_dev(): 12 bits major, 20 bits minor. */
function deviceText(value: bigint): string {
  const major = (value >> 8n) & 0xfffn;
  const minor = (value & 0xffn) | ((value >> 12n) & 0xfff00n);
  return `${major}:${minor}`;
}
