/**
 * Tells when anybody changes packet rules (security: NET-06). The kernel announces every transaction to netlink's
 * group NFNLGRP_NFTABLES, and O_ASYNC makes a signal of each announcement: Node can wait for signals, but not for
 * netlink sockets, and so nothing sleeps in a thread. What is announced is not looked at: generations tell more.
 * Source: fcntl(2) F_SETOWN, socket(7) SIGIO, netlink(7) NETLINK_ADD_MEMBERSHIP.
 */
import type { Clock } from "../base/clock.ts";
import { errnos, K } from "../sys/abi.ts";
import { run, tryRun } from "../sys/ffi.ts";
import { NetlinkSocket } from "../sys/netlink.ts";
import { Program } from "../sys/program.ts";

/** Changes come in bursts, our own, too: one look for all of them, and nothing beside the start of a pod. */
const settleMs = 2000;
/** Announcements that one program takes off the socket. */
const drainCount = 64;
/** A flood of changes is looked at again after the next signal. */
const maxDrains = 64;

export class RulesMonitor implements Disposable {
  readonly #socket: NetlinkSocket;
  readonly #clock: Clock;
  readonly #changed: () => void;
  readonly #onSignal = (): void => this.#announce();
  #cancel: (() => void) | undefined;

  /** @param changed - is called some time after changes, not once for each. */
  constructor(clock: Clock, changed: () => void) {
    this.#clock = clock;
    this.#changed = changed;
    this.#socket = new NetlinkSocket(K.NETLINK_NETFILTER);
    // Before the first signal can come: by default it ends the process.
    process.on("SIGIO", this.#onSignal);
    const program = new Program("monitor of packet rules");
    const group = Buffer.alloc(4);
    group.writeUInt32LE(K.NFNLGRP_NFTABLES);
    const value = program.bytes(group, "NFNLGRP_NFTABLES");
    const { fd } = this.#socket;
    // A port of its own: without one the kernel takes the socket for the sender.
    const address = Buffer.alloc(12);
    address.writeUInt16LE(K.AF_NETLINK);
    program.call("bind", [fd, program.bytes(address, "{AF_NETLINK}"), address.length]);
    program.call("setsockopt", [fd, K.SOL_NETLINK, K.NETLINK_ADD_MEMBERSHIP, value, 4]);
    program.call("fcntl", [fd, K.F_SETOWN, process.pid]);
    program.call("fcntl", [fd, K.F_SETFL, K.O_NONBLOCK | K.FASYNC]);
    run("Cannot watch the packet rules", program);
  }

  [Symbol.dispose](): void {
    process.off("SIGIO", this.#onSignal);
    this.#cancel?.();
    this.#socket[Symbol.dispose]();
  }

  #announce(): void {
    this.#cancel ??= this.#clock.after(settleMs, () => {
      this.#cancel = undefined;
      // First: what changes from here on is announced again.
      this.#drain();
      this.#changed();
    });
  }

  /** A socket that is full would be silent. */
  #drain(): void {
    for (let round = 0; round < maxDrains; round++) {
      const program = new Program("announcements of packet rules");
      const byte = program.buffer(1);
      const flags = K.MSG_DONTWAIT | K.MSG_TRUNC;
      for (let count = 0; count < drainCount; count++) {
        program.call("recvfrom", [this.#socket.fd, byte, 1, flags, 0, 0]);
      }
      // EAGAIN: nothing is left. ENOBUFS: there were more than the socket takes; that is news enough.
      if (tryRun(program).errno === errnos.EAGAIN) return;
    }
  }
}
