/** The signal that asks a container to end: lifecycle.stopSignal, else the image's StopSignal, else SIGTERM. */
import { constants } from "node:os";
import type { ContainerStatus } from "../spec/pod.ts";

/** @param text - "SIGQUIT", "quit" or "3"; anything else is SIGTERM, as in containerd. */
export function stopSignal(text: string | undefined): number {
  const wanted = (text ?? "").trim().toUpperCase();
  if (/^\d+$/.test(wanted)) {
    const number = Number(wanted);
    return number >= 1 && number <= 64 ? number : constants.signals.SIGTERM;
  }
  const name = wanted.startsWith("SIG") ? wanted : `SIG${wanted}`;
  const realTime = /^SIGRT(MIN|MAX)(?:([+-])(\d+))?$/.exec(name);
  if (realTime) {
    // SIGRTMIN is 34 for programs of glibc and musl; systemd images ask for SIGRTMIN+3.
    const offset = Number(realTime[3] ?? 0) * (realTime[2] === "-" ? -1 : 1);
    const number = (realTime[1] === "MIN" ? 34 : 64) + offset;
    return number >= 34 && number <= 64 ? number : constants.signals.SIGTERM;
  }
  // An older word for SIGCHLD that Kubernetes takes too.
  if (name === "SIGCLD") return constants.signals.SIGCHLD;
  return (
    new Map<string, number>(Object.entries(constants.signals)).get(name) ??
    constants.signals.SIGTERM
  );
}

/** The same signal as Kubernetes spells it in a status. @param text - as in `stopSignal()`. */
export function stopSignalName(
  text: string | undefined,
): NonNullable<ContainerStatus["stopSignal"]> {
  const number = stopSignal(text);
  if (number >= 34) return realTimeName(number);
  const [name] = Object.entries(constants.signals).find(([, value]) => value === number) ?? [];
  // Every signal below 34 has a name; Kubernetes has the same list.
  return (name ?? "SIGTERM") as NonNullable<ContainerStatus["stopSignal"]>;
}

/** 34 and 64 have no offset, and the nearer of the two is the one that is named. */
function realTimeName(number: number): NonNullable<ContainerStatus["stopSignal"]> {
  const isLow = number <= 49;
  const offset = isLow ? number - 34 : 64 - number;
  const name = isLow ? "SIGRTMIN" : "SIGRTMAX";
  const text = offset === 0 ? name : `${name}${isLow ? "+" : "-"}${offset}`;
  return text as NonNullable<ContainerStatus["stopSignal"]>;
}
