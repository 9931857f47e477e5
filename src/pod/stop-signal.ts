/** The signal that asks a container to end: the image's StopSignal, else SIGTERM. */
import { constants } from "node:os";

/** @param text - "SIGQUIT", "quit" or "3"; anything else is SIGTERM, as in containerd. */
export function stopSignal(text: string | undefined): number {
  const wanted = (text ?? "").trim().toUpperCase();
  if (/^\d+$/.test(wanted)) {
    const number = Number(wanted);
    return number >= 1 && number <= 64 ? number : constants.signals.SIGTERM;
  }
  const name = wanted.startsWith("SIG") ? wanted : `SIG${wanted}`;
  const realTime = /^SIGRTMIN\+(\d+)$/.exec(name);
  // SIGRTMIN is 34 for programs of glibc and musl; systemd images ask for SIGRTMIN+3.
  if (realTime && Number(realTime[1]) <= 30) return 34 + Number(realTime[1]);
  return (
    new Map<string, number>(Object.entries(constants.signals)).get(name) ??
    constants.signals.SIGTERM
  );
}
