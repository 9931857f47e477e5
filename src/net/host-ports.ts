/**
 * Who may publish which host port: no two pods, and no pod where a program of the host listens
 * (packet rules would silently take its connections away).
 */
import { PodError } from "../base/errors.ts";
import { errnos, K } from "../sys/abi.ts";
import { tryRun } from "../sys/ffi.ts";
import { Program } from "../sys/program.ts";
import { ipv4Bytes } from "../sys/rtnetlink.ts";
import { syscallError } from "../sys/syscall-error.ts";
import type { HostPort } from "./firewall-state.ts";

/** A pod that has, or wants, host ports. */
export interface PortOwner {
  /** As users read it: "default/web". */
  readonly pod: string;
  readonly ports: readonly HostPort[];
}

function addressOf({ hostIP = "" }: HostPort): string {
  return hostIP === "" ? "0.0.0.0" : hostIP;
}

function overlaps(left: HostPort, right: HostPort): boolean {
  const [one, other] = [addressOf(left), addressOf(right)];
  return (
    left.hostPort === right.hostPort &&
    left.protocol === right.protocol &&
    (one === other || one === "0.0.0.0" || other === "0.0.0.0")
  );
}

function portText(port: HostPort): string {
  return `${addressOf(port)}:${port.hostPort}/${port.protocol}`;
}

/**
 * Refuses ports that another pod has, or that the pod names twice. Pure.
 * @param owners - every other pod with host ports.
 * @throws PodError Conflict.
 */
export function checkConflicts(wanted: PortOwner, owners: readonly PortOwner[]): void {
  wanted.ports.forEach((port, index) => {
    const own = wanted.ports.findIndex((each) => overlaps(each, port));
    if (own < index) {
      throw new PodError(
        "Conflict",
        `Pod "${wanted.pod}" wants host port ${portText(port)} twice: use different host ports`,
      );
    }
    for (const owner of owners) {
      const taken = owner.ports.find((each) => overlaps(each, port));
      if (taken === undefined) continue;
      throw new PodError(
        "Conflict",
        `Cannot publish host port ${portText(port)} of pod "${wanted.pod}": pod "${owner.pod}" has ${portText(taken)}: choose another hostPort or delete that pod`,
      );
    }
  });
}

/** IPPROTO_SCTP of linux/in.h. */
const protocolSctp = 132;

/** Binds a socket to the port and closes it again. Pure. */
export function compileProbe(port: HostPort): Program {
  const address = Buffer.alloc(16);
  // struct sockaddr_in: family, port and address in network order.
  address.writeUInt16LE(K.AF_INET, 0);
  address.writeUInt16BE(port.hostPort, 2);
  address.set(ipv4Bytes(addressOf(port)), 4);
  const isTcp = port.protocol === "TCP";
  const isSctp = port.protocol === "SCTP";
  const program = new Program(`probe of host port ${portText(port)}`);
  const socket = program.open("socket", [
    K.AF_INET,
    (isTcp || isSctp ? K.SOCK_STREAM : K.SOCK_DGRAM) | K.SOCK_CLOEXEC,
    isSctp ? protocolSctp : 0,
  ]);
  if (isTcp) {
    // Connections in TIME_WAIT are no listeners. UDP has none, and would share the port with it.
    const on = program.bytes(Buffer.from([1, 0, 0, 0]), "<1>");
    program.call("setsockopt", [socket, K.SOL_SOCKET, K.SO_REUSEADDR, on, 4]);
  }
  program.call("bind", [socket, program.bytes(address, `{${portText(port)}}`), address.length]);
  return program.close(socket);
}

/**
 * Refuses ports that a program of the host uses.
 * @throws PodError Conflict (in use), InvalidArgument (hostIP is not of this host).
 */
export function checkHostSockets({ pod, ports }: PortOwner): void {
  for (const port of ports) {
    const program = compileProbe(port);
    const done = tryRun(program);
    if (done.errno === 0) continue;
    // A host without SCTP has nobody who listens; what passes through to the pod needs conntrack only.
    if (port.protocol === "SCTP" && done.errno === errnos.EPROTONOSUPPORT) continue;
    const action = `Cannot publish host port ${portText(port)} of pod "${pod}"`;
    const cause = syscallError(action, program, done);
    if (cause.errno === "EADDRINUSE") {
      const help = `find it with "ss -lnp" and stop it, or choose another hostPort`;
      throw new PodError("Conflict", `${action}: a program on this host uses it: ${help}`, {
        cause,
      });
    }
    if (cause.errno === "EADDRNOTAVAIL") {
      throw new PodError(
        "InvalidArgument",
        `${action}: ${addressOf(port)} is no address of this host`,
        {
          cause,
        },
      );
    }
    throw cause;
  }
}
