/**
 * Remembers the beginnings of containers' programs: all but command and variables is the same for containers of one
 * shape, and compiling and encoding its 300 operations takes 1 ms of the main thread.
 *
 * The shape is the plan itself as text, so containers that differ in anything have different ones. The pod's uid alone
 * is left out, because every pod has its own: it stands in paths, which no step takes apart, so another uid of the same
 * length at the same places is what the other pod's plan compiles to.
 */
import { PodError } from "../base/errors.ts";
import type { Beginning, Operation, Program } from "../sys/program.ts";
import type { Sandbox } from "./sandbox.ts";

/** Plain data but for the filter: text can stand for it. */
type Shaped = Pick<Sandbox, "seccomp">;

/** Gives the beginning of a program that `compile` makes of the plan and of nothing else. */
export type Begin = <Plan extends Shaped>(
  plan: Plan,
  compile: (plan: Plan) => Program,
) => Beginning;

/** Uids of this form are as long as each other, and nothing else in a program looks like them. */
const uuid = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/;

/** Shapes that are remembered, about 30 KB each. */
const most = 24;

interface Known {
  readonly encoded: Buffer;
  /** Where a uid stands in it. */
  readonly places: readonly number[];
}

/** Compiles it, whatever it is. */
export const beginAnew: Begin = (plan, compile) => {
  const program = compile(plan);
  return { encoded: program.encode(), operations: () => program.operations };
};

export class Beginnings {
  /** By shape; the one that was not used for longest comes first. */
  readonly #known = new Map<string, Known>();
  /** Filters, each of which is made once, and functions stand in shapes by number. */
  readonly #numbers = new WeakMap<object, number>();
  #lastNumber = 0;

  /** For the programs of a pod's containers. */
  ofPod(uid: string): Begin {
    if (!uuid.test(uid)) return beginAnew;
    return (plan, compile) => {
      const { encoded: example, places } = this.#find(uid, plan, compile);
      const encoded = Buffer.from(example);
      for (const place of places) encoded.write(uid, place, "latin1");
      return { encoded, operations: (): readonly Operation[] => compile(plan).operations };
    };
  }

  #find<Plan extends Shaped>(uid: string, plan: Plan, compile: (plan: Plan) => Program): Known {
    const shape = `${this.#numberOf(compile)} ${this.#shapeOf(uid, plan)}`;
    const known = this.#known.get(shape) ?? learn(uid, plan, compile);
    this.#known.delete(shape);
    this.#known.set(shape, known);
    if (this.#known.size > most) {
      const [oldest = ""] = this.#known.keys();
      this.#known.delete(oldest);
    }
    return known;
  }

  /** With NUL for the uid: there is none in JSON. */
  #shapeOf(uid: string, plan: Shaped): string {
    const { seccomp } = plan;
    const filter = seccomp && { ...seccomp, program: this.#numberOf(seccomp.program) };
    return JSON.stringify({ ...plan, seccomp: filter }).replaceAll(uid, "\0");
  }

  #numberOf(thing: object): number {
    const number = this.#numbers.get(thing) ?? ++this.#lastNumber;
    this.#numbers.set(thing, number);
    return number;
  }
}

/** @throws PodError Internal when two plans could have one text. */
function learn<Plan extends Shaped>(
  uid: string,
  plan: Plan,
  compile: (plan: Plan) => Program,
): Known {
  assertPlain({ ...plan, seccomp: plan.seccomp && { ...plan.seccomp, program: 0 } });
  const encoded = compile(plan).encode();
  const places: number[] = [];
  for (let at = encoded.indexOf(uid); at >= 0; at = encoded.indexOf(uid, at + 1)) places.push(at);
  return { encoded, places };
}

const plainTypes: readonly string[] = ["string", "boolean", "undefined"];

/** JSON writes every map as {}, and no bytes, big numbers or functions. */
function assertPlain(value: unknown): void {
  if (plainTypes.includes(typeof value) || Number.isFinite(value) || value === null) return;
  const isPlain =
    typeof value === "object" &&
    [Object.prototype, Array.prototype].includes(Object.getPrototypeOf(value));
  if (!isPlain)
    throw new PodError("Internal", `A plan holds what is no plain data: ${String(value)}`);
  for (const each of Object.values(value as object)) assertPlain(each);
}
