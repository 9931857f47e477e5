/** Values as YAML. Import it where it is needed: the library is larger than the rest of most commands. */
import { stringify } from "yaml";

/** YAML 1.1, as Kubernetes reads it: "yes" and "0644" get quotes where they are strings. Ends with a newline. */
export function yamlText(value: unknown): string {
  return stringify(value, { version: "1.1", lineWidth: 0 });
}
