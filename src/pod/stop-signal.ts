/** The signal that asks a container to end: lifecycle.stopSignal, else the image's StopSignal, else SIGTERM. */
import { constants } from "node:os";

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
