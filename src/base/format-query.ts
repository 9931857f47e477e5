/** The query part of a URL. */

export type Query = Readonly<
  Record<string, string | number | boolean | readonly string[] | undefined>
>;

/** "?a=1&b=x&b=y"; undefined values are left out. */
export function formatQuery(query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    for (const item of Array.isArray(value) ? value : [value]) {
      parameters.append(name, String(item));
    }
  }
  const text = parameters.toString();
  return text === "" ? "" : `?${text}`;
}
