/**
 * `$(VAR)` in command, args and env values.
 *
 * `$(NAME)` becomes the variable's value, or stays as written when there is none; `$$` becomes `$`, so `$$(NAME)`
 * stays the text `$(NAME)`. A value that is put in is not expanded again, so expansion always ends.
 * Source: Kubernetes, "Define dependent environment variables" and the API text of Container.command.
 */

/**
 * Expands one text.
 * @param lookup - value of a variable, undefined when it is not defined
 */
export function expandVariables(
  text: string,
  lookup: (name: string) => string | undefined,
): string {
  return text.replace(/\$(?:\$|\(([^)]*)\))/g, (reference, name: string | undefined) =>
    name === undefined ? "$" : (lookup(name) ?? reference),
  );
}

/** Like `expandVariables()`, and the names of those that are not defined. */
export function expandStrictly(
  text: string,
  lookup: (name: string) => string | undefined,
): { readonly text: string; readonly missing: readonly string[] } {
  const missing: string[] = [];
  const expanded = expandVariables(text, (name) => {
    const value = lookup(name);
    if (value === undefined) missing.push(name);
    return value;
  });
  return { text: expanded, missing };
}
