/**
 * Connections to ports inside a pod, as its own containers make them to localhost.
 *
 *   child in the pod's network namespace   socket()          the descriptor is ours too: one table for both
 *   daemon                                 connect(), and the bytes
 *
 * A socket belongs for ever to the namespace that it was made in, so nothing but socket() has to happen in there,
 * and no thread of the daemon goes there. Source: network_namespaces(7), clone(2) CLONE_FILES.
 */
import { Socket, type SocketConstructorOpts } from "node:net";
import { messageOf, PodError } from "../base/errors.ts";
import type { Pod } from "../spec/pod.ts";
import { K } from "../sys/abi.ts";
import { spawn } from "../sys/ffi.ts";
import { Program, type Register } from "../sys/program.ts";
import { errnoText, hostPort } from "./dial-tcp.ts";
import type { PodEngine } from "./engine.ts";

/** Both words for localhost; a server listens on the first, on the second, or on both. */
const loopback = [
  { family: K.AF_INET, host: "127.0.0.1", network: "tcp4" },
  { family: K.AF_INET6, host: "::1", network: "tcp6" },
] as const;

/**
 * Connects to a port of the pod. Each half can be ended alone; both end with the pod's sandbox.
 * @param port - 1..65535.
 * @throws PodError FailedPrecondition when the pod has no sandbox, Unavailable when nobody listens:
 * 'error forwarding port 80 to pod "web": dial tcp4 127.0.0.1:80: connect: connection refused'.
 */
export async function connectToPod(engine: PodEngine, pod: Pod, port: number): Promise<Socket> {
  const { name, uid } = pod.metadata;
  const live = engine.live(uid);
  if (live?.shim === undefined) {
    throw new PodError("FailedPrecondition", `pod "${name}" is not running`);
  }
  const failures: string[] = [];
  for (const { family, host, network } of loopback) {
    try {
      const socket = openSocket(live.shim.shimPid, family);
      live.connections.add(socket);
      socket.once("close", () => live.connections.delete(socket));
      return await connected(socket, host, port);
    } catch (cause) {
      failures.push(`dial ${network} ${hostPort(host, port)}: ${reasonOf(cause)}`);
      // Its containers are dying: another try would find a port of nobody.
      if (live.shim === undefined) break;
    }
  }
  throw new PodError(
    "Unavailable",
    `error forwarding port ${port} to pod "${name}": ${failures.join("; ")}`,
  );
}

/** The program that makes a socket where a process lives. @returns it, and the register of the descriptor. */
export function compileSocket(pid: number, family: number): readonly [Program, Register] {
  const program = new Program("socket in a pod").from("port-forward");
  const process = program.open("pidfd_open", [pid, 0]);
  program.call("setns", [process, K.CLONE_NEWNET]).close(process);
  const type = K.SOCK_STREAM | K.SOCK_CLOEXEC | K.SOCK_NONBLOCK;
  return [program, program.open("socket", [family, type, 0])];
}

function openSocket(pid: number, family: number): Socket {
  const [program, descriptor] = compileSocket(pid, family);
  const { registers } = spawn("Cannot open a socket in the pod", program, {
    cloneFlags: K.CLONE_FILES,
  });
  const fd = Number(registers[descriptor.number]);
  // Without `manualStart` it would read at once, and fail because it is not connected yet.
  const options: SocketConstructorOpts & { readonly manualStart: boolean } = {
    fd,
    allowHalfOpen: true,
    manualStart: true,
  };
  return new Socket(options);
}

async function connected(socket: Socket, host: string, port: number): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once("connect", resolve).once("error", reject);
  // Also after it is connected: whoever uses it hears by "close" and `errored`.
  socket.on("error", () => undefined);
  // Destroyed without an error: the pod has ended.
  socket.once("close", () => reject(new PodError("Unavailable", "the pod has ended")));
  socket.connect({ host, port });
  await promise;
  socket.setNoDelay(true);
  return socket;
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return messageOf(cause);
  return cause instanceof PodError ? cause.message : `connect: ${errnoText(cause)}`;
}
