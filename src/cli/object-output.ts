/** Prints API objects for programs: `-o json`, `-o yaml`, `-o name`. */
import type { List } from "../spec/list.ts";
import type { Screen } from "./screen.ts";

export type ObjectFormat = "json" | "yaml";

/** One value as kubectl formats it: four spaces of JSON, block YAML. */
export async function printValue(
  screen: Screen,
  value: unknown,
  format: ObjectFormat,
): Promise<void> {
  if (format === "json") {
    screen.print(JSON.stringify(value, undefined, 4));
    return;
  }
  const { yamlText } = await import("./yaml-text.ts");
  screen.print(yamlText(value).trimEnd());
}

/** One object alone when it was asked for by name, else a List. */
export function wrapItems<T>(items: readonly T[], isSingle: boolean): T | List<T> {
  const [first] = items;
  if (isSingle && first !== undefined) return first;
  return { apiVersion: "v1", kind: "List", metadata: { resourceVersion: "" }, items };
}
