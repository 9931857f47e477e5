/**
 * Files of variables that `fileKeyRef` reads: `NAME='value'`, one after the other.
 *
 * A value stands in single quotes and is taken literally, line breaks included; blank lines and lines that begin with
 * `#` are left out, spaces around the name and `=` too. Everything that a shell would do more with is an error.
 * Source: Kubernetes, "Define Environment Variable Values Using An Init Container", "Env file syntax".
 */
import { PodError } from "../base/errors.ts";
import { checkEnvName } from "./validate-names.ts";

/** The variables of a file; of two with one name the later counts. @throws PodError InvalidArgument with the line. */
export function parseEnvFile(text: string): ReadonlyMap<string, string> {
  const variables = new Map<string, string>();
  // One declaration or comment or blank line at a time, from where the last one ended.
  const step =
    /[ \t\r]*(?:(#[^\n]*)|([^=\n#'"]+?)[ \t]*=[ \t]*'([^']*)'[ \t\r]*(?=\n|$)|(?=\n|$))(?:\n|$)/y;
  while (step.lastIndex < text.length) {
    const at = step.lastIndex;
    const match = step.exec(text);
    const [, , name, value = ""] = match ?? [];
    if (match === null || (name !== undefined && checkEnvName(name) !== undefined)) {
      const line = text.slice(0, at).split("\n").length;
      throw new PodError("InvalidArgument", `line ${line} is not of the form NAME='value'`);
    }
    if (name !== undefined) variables.set(name, value);
  }
  return variables;
}
