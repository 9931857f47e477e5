import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Clock } from "../../../src/base/clock.ts";
import { isPodError } from "../../../src/base/errors.ts";
import { AddressPool, type Lease, type LeaseStorage } from "../../../src/net/ipam.ts";

const pool = suite("AddressPool");

class Storage implements LeaseStorage {
  readonly leases = new Map<string, Lease>();
  list(): readonly Lease[] {
    return [...this.leases.values()];
  }
  put(lease: Lease): void {
    this.leases.set(lease.address, lease);
  }
  remove(address: string): void {
    this.leases.delete(address);
  }
}

interface World {
  readonly storage: Storage;
  nowMs: number;
}

function world(): World {
  return { storage: new Storage(), nowMs: 1_000_000 };
}

function open(of: World, subnet = "10.85.0.0/29"): AddressPool {
  const clock: Clock = { now: () => of.nowMs, monotonic: () => 0, after: () => () => undefined };
  return new AddressPool({ subnet, storage: of.storage, clock });
}

pool("the bridge gets the first address, pods the next ones, in a ring", () => {
  const addresses = open(world());
  assert.is(addresses.gateway, "10.85.0.1");
  assert.is(addresses.prefixLength, 29);
  const given = ["a", "b", "c", "d", "e"].map((uid) => addresses.reserve(uid));
  assert.equal(given, ["10.85.0.2", "10.85.0.3", "10.85.0.4", "10.85.0.5", "10.85.0.6"]);
});

pool("a pod keeps its address, also over a restart of the daemon", () => {
  const here = world();
  const first = open(here).reserve("a");
  const again = open(here);
  assert.is(again.find("a"), first);
  assert.is(again.reserve("a"), first);
  assert.is.not(again.reserve("b"), first);
});

pool("the lease is written before the address is returned", () => {
  const here = world();
  const addresses = open(here);
  here.storage.put = () => {
    throw new Error("disk full");
  };
  assert.throws(() => addresses.reserve("a"), /disk full/);
  assert.is(addresses.find("a"), undefined);
});

pool("a freed address rests for 60 s, over a restart too", () => {
  const here = world();
  const addresses = open(here, "10.85.0.0/30");
  const address = addresses.reserve("a");
  addresses.release("a");
  assert.is(addresses.find("a"), undefined);
  here.nowMs += 59_999;
  assert.throws(
    () => open(here, "10.85.0.0/30").reserve("b"),
    (error: unknown) =>
      isPodError(error, "ResourceExhausted") && /1 of them rest/.test(error.message),
  );
  here.nowMs += 1;
  assert.is(addresses.reserve("b"), address);
  assert.is(here.storage.leases.size, 1);
});

pool("a clock that goes back starts the rest again instead of lasting for years", () => {
  const here = world();
  const addresses = open(here, "10.85.0.0/30");
  addresses.reserve("a");
  addresses.release("a");
  here.nowMs -= 500_000;
  assert.throws(() => addresses.reserve("b"));
  here.nowMs += 60_000;
  assert.is(addresses.reserve("b"), "10.85.0.2");
});

pool("releasing what is not there is fine", () => {
  const addresses = open(world());
  addresses.release("nobody");
  addresses.reserve("a");
  addresses.release("a");
  addresses.release("a");
});

pool("subnets that cannot work are refused with a sentence", () => {
  for (const [subnet, words] of [
    ["10.85.0.0/31", /no room for pods/],
    ["10.85.0.0", /is not an IPv4 subnet/],
    ["10.85.0.0/33", /is not an IPv4 subnet/],
    ["10.85.0.0/16/2", /is not an IPv4 subnet/],
    ["fd00::/64", /is not an IPv4 subnet/],
    ["10.85.0.1/24", /did you mean "10\.85\.0\.0\/24"/],
  ] as const) {
    assert.throws(() => open(world(), subnet), words);
  }
});

pool("leases of another subnet are kept and not handed out", () => {
  const here = world();
  here.storage.put({ podUid: "old", address: "192.168.7.9" });
  const addresses = open(here);
  assert.is(addresses.find("old"), "192.168.7.9");
  assert.is(addresses.reserve("new"), "10.85.0.2");
});

type Action =
  | { readonly kind: "reserve" | "release"; readonly uid: string }
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "restart" };

const anyUid = fc.constantFrom("a", "b", "c", "d", "e", "f", "g", "h");
const anyAction: fc.Arbitrary<Action> = fc.oneof(
  fc.record({ kind: fc.constantFrom("reserve" as const, "release" as const), uid: anyUid }),
  fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: 0, max: 90_000 }) }),
  fc.constant({ kind: "restart" as const }),
);

pool("never gives one address to two pods and never one that rests (model)", () => {
  fc.assert(
    fc.property(fc.array(anyAction, { maxLength: 80 }), (actions) => {
      const here = world();
      let addresses = open(here);
      const held = new Map<string, string>();
      const freedAt = new Map<string, number>();
      for (const action of actions) {
        if (action.kind === "wait") here.nowMs += action.ms;
        else if (action.kind === "restart") addresses = open(here);
        else if (action.kind === "release") {
          addresses.release(action.uid);
          const address = held.get(action.uid);
          if (address !== undefined) freedAt.set(address, here.nowMs);
          held.delete(action.uid);
        } else {
          const resting = [...freedAt].filter(([, at]) => here.nowMs - at < 60_000);
          const full = held.size + resting.length >= 5;
          if (full && !held.has(action.uid)) {
            assert.throws(() => addresses.reserve(action.uid));
            continue;
          }
          const address = addresses.reserve(action.uid);
          if (held.has(action.uid)) assert.is(address, held.get(action.uid));
          else {
            assert.not.ok([...held.values()].includes(address), "two pods");
            assert.not.ok(
              resting.some(([each]) => each === address),
              "rests",
            );
            assert.match(address, /^10\.85\.0\.[2-6]$/);
            freedAt.delete(address);
          }
          held.set(action.uid, address);
        }
        for (const [uid, address] of held) assert.is(addresses.find(uid), address);
      }
    }),
    { numRuns: 300 },
  );
});

pool("what was set aside is nobody else's, and becomes the pod's that it is given to", () => {
  const here = world();
  const addresses = open(here);
  const aside = addresses.setAside();
  assert.is(aside, "10.85.0.2");
  assert.is(addresses.reserve("a"), "10.85.0.3");
  assert.is(addresses.reserve("b", aside), aside);
  assert.is(addresses.reserve("b"), aside);
  assert.equal([...here.storage.leases.keys()].sort(), ["10.85.0.2", "10.85.0.3"]);
});

pool("a pod that has an address keeps it, whatever was set aside", () => {
  const addresses = open(world());
  const own = addresses.reserve("a");
  assert.is(addresses.reserve("a", addresses.setAside()), own);
});

pool("what was set aside is in memory only, and can be put back", () => {
  const here = world();
  const addresses = open(here);
  const aside = ["a", "b", "c", "d", "e"].map(() => addresses.setAside());
  assert.throws(() => addresses.reserve("a"), /all 5 of subnet/);
  assert.is(here.storage.leases.size, 0);
  addresses.putBack(aside[3] ?? "");
  assert.is(addresses.reserve("a"), aside[3]);
  assert.is(open(here).setAside(), "10.85.0.6");
});

pool.run();
