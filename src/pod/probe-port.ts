/** The port that a probe or hook names, by number or by the name of a port of its container. */
import { PodError } from "../base/errors.ts";
import type { Container } from "../spec/pod.ts";

/** @throws PodError NotFound in the kubelet's words. */
export function resolvePort(port: number | string, container: Pick<Container, "ports">): number {
  if (typeof port === "number") return port;
  const named = container.ports?.find(({ name }) => name === port);
  // A number that was written as a string is one.
  const number = named?.containerPort ?? (/^\d+$/.test(port) ? Number(port) : 0);
  if (number >= 1 && number <= 65_535) return number;
  throw new PodError("NotFound", `port ${port} not found`);
}
