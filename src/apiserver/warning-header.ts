/** Warnings beside an answer, which kubectl prints. Source: Kubernetes API conventions, "Warning"; RFC 7234, 5.5. */
import type { ServerResponse } from "node:http";

/** Longer ones would make the header too large for clients. */
const longestWarning = 1000;
const mostWarnings = 20;

/** Adds one field `Warning: 299 - "text"` per text. */
export function addWarnings(response: ServerResponse, warnings: readonly string[]): void {
  if (warnings.length === 0) return;
  const lines = warnings.slice(0, mostWarnings).map((text) => `299 - "${quoted(text)}"`);
  response.setHeader("warning", lines);
}

/** Header fields are ASCII; quotes and backslashes are escaped. */
function quoted(text: string): string {
  return text
    .slice(0, longestWarning)
    .replace(/[^\x20-\x7e]/g, "?")
    .replace(/["\\]/g, "\\$&");
}
