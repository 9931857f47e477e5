/**
 * Telling whoever started us that the socket is open, or why it will never be:
 *
 *   a command     fd 3, one line: "ready", or {"error": "…"}
 *   systemd       a datagram "READY=1" to $NOTIFY_SOCKET, see sd_notify(3)
 */
import { closeSync, fstatSync, writeSync } from "node:fs";
import { hasCode } from "../base/errors.ts";
import { K } from "../sys/abi.ts";
import { run } from "../sys/ffi.ts";
import { Program } from "../sys/program.ts";

/** The descriptor that a command hands over with --on-demand. */
const readyFd = 3;

/** Says one line to the command that started us, once; nobody there is fine. */
export class Starter {
  #fd: number | undefined;

  /** @param isThere - whether a command started us: only then fd 3 is its pipe. */
  constructor(isThere: boolean, fd: number = readyFd) {
    this.#fd = isThere && isPipe(fd) ? fd : undefined;
  }

  ready(): void {
    this.#say("ready");
  }

  failed(sentence: string): void {
    this.#say(JSON.stringify({ error: sentence }));
  }

  #say(line: string): void {
    const fd = this.#fd;
    if (fd === undefined) return;
    this.#fd = undefined;
    try {
      writeSync(fd, `${line}\n`);
    } catch (error) {
      // The command was interrupted meanwhile.
      if (!hasCode(error, "EPIPE")) throw error;
    } finally {
      closeSync(fd);
    }
  }
}

function isPipe(fd: number): boolean {
  try {
    const stat = fstatSync(fd);
    return stat.isFIFO() || stat.isSocket();
  } catch (error) {
    if (hasCode(error, "EBADF")) return false;
    throw error;
  }
}

/**
 * Sends a state to systemd, e.g. "READY=1".
 * @param address - $NOTIFY_SOCKET: a path, or "@" and an abstract name; undefined: no systemd.
 * @throws SyscallError.
 */
export function notifySystemd(address: string | undefined, state: string): void {
  if (address === undefined || !/^[/@]./.test(address)) return;
  run("Cannot notify systemd", compileNotify(address, state));
}

/** The datagram as a program; pure. */
export function compileNotify(address: string, state: string): Program {
  const program = new Program("notify systemd").from("NOTIFY_SOCKET");
  const socket = program.open("socket", [K.AF_UNIX, K.SOCK_DGRAM | K.SOCK_CLOEXEC, 0]);
  // struct sockaddr_un: the family, then the path; "@" stands for the NUL of an abstract name.
  const family = Buffer.alloc(2);
  family.writeUInt16LE(K.AF_UNIX);
  const path = Buffer.from(address);
  if (path[0] === 0x40) path[0] = 0;
  const name = program.bytes(Buffer.concat([family, path]), JSON.stringify(address));
  const message = program.bytes(Buffer.from(state), JSON.stringify(state));
  program.call("sendto", [socket, message, message.length, 0, name, name.length]);
  return program.close(socket);
}
