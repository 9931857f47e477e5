/** What --env says of a container's environment. */
import { PodError } from "../base/errors.ts";

/** @throws PodError InvalidArgument. */
export function environmentVariable(text: string): {
  readonly name: string;
  readonly value: string;
} {
  const at = text.indexOf("=");
  if (at > 0) return { name: text.slice(0, at), value: text.slice(at + 1) };
  throw new PodError("InvalidArgument", `--env: must be NAME=VALUE: got "${text}"`);
}
