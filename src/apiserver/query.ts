/**
 * Parameters of a request, checked against what the route knows: an unknown parameter is an error,
 * because ignoring one (a misspelt `gracePeriodSeconds`) would do something else than asked.
 */
import { badRequest } from "./problem.ts";

export class Query {
  readonly #values = new Map<string, string[]>();

  /**
   * @param known - names that the route takes; a trailing "[]" allows repetition.
   * @throws RequestProblem 400.
   */
  constructor(
    parameters: readonly (readonly [name: string, value: string])[],
    known: readonly string[],
  ) {
    for (const [name, value] of parameters) {
      const isList = known.includes(`${name}[]`);
      if (!isList && !known.includes(name)) {
        throw badRequest(`Unknown parameter "${name}": known are ${known.join(", ") || "none"}`);
      }
      const values = this.#values.get(name);
      if (values === undefined) this.#values.set(name, [value]);
      else if (isList) values.push(value);
      else throw badRequest(`Parameter "${name}" is given twice`);
    }
  }

  list(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  /** Absent and empty are the same. */
  text(name: string): string | undefined {
    return this.list(name)[0] || undefined;
  }

  required(name: string): string {
    const value = this.text(name);
    if (value === undefined) throw badRequest(`Parameter "${name}" is required`);
    return value;
  }

  /** true, 1 and a bare name mean true; false, 0 and absence false. */
  flag(name: string): boolean {
    return this.optionalFlag(name) ?? false;
  }

  optionalFlag(name: string): boolean | undefined {
    const value = this.list(name)[0];
    if (value === undefined) return undefined;
    if (value === "true" || value === "1" || value === "") return true;
    if (value === "false" || value === "0") return false;
    throw badRequest(`Parameter "${name}": must be true or false: got "${value}"`);
  }

  /** A whole number from `minimum` on. */
  integer(name: string, minimum: number): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const number = Number(value);
    if (/^\d{1,15}$/.test(value) && number >= minimum) return number;
    throw badRequest(
      `Parameter "${name}": must be a whole number of at least ${minimum}: got "${value}"`,
    );
  }

  oneOf<const T extends string>(name: string, choices: readonly T[]): T | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const choice = choices.find((known) => known === value);
    if (choice !== undefined) return choice;
    throw badRequest(`Parameter "${name}": must be ${choices.join(" or ")}: got "${value}"`);
  }
}
