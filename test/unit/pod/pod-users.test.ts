import { suite } from "uvu";
import * as assert from "uvu/assert";
import { freeIdBase, reserveIds, usersProblem } from "../../../src/pod/pod-users.ts";
import type { Pod } from "../../../src/spec/pod.ts";

const users = suite("host ids of pods");

users("every pod gets the lowest range that no other has", () => {
  const first = 64 * 65_536;
  assert.is(freeIdBase([]), first);
  assert.is(freeIdBase([undefined, first, first + 65_536]), first + 2 * 65_536);
  assert.is(freeIdBase([first + 65_536]), first);
});

users("ids end below 2^31", () => {
  const all = Array.from({ length: 32_768 }, (_, range) => range * 65_536);
  assert.throws(() => freeIdBase(all), /all are taken/);
  assert.is(freeIdBase(all.slice(0, -1)), 2 ** 31 - 65_536);
});

users("a pod keeps its ids, and one with the host's users takes none", () => {
  const pod = (hostUsers: boolean | undefined): Pod => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace: "default", uid: "u" },
    spec: { containers: [], ...(hostUsers === undefined ? {} : { hostUsers }) },
  });
  const records = (idBase: number) => ({
    records: {
      get: () => ({ idBase }),
      list: () => [{ key: "u", value: { idBase } }],
    },
  });
  // Only these two methods of the table and this one field are looked at.
  const context = records(123 * 65_536) as unknown as Parameters<typeof reserveIds>[0];
  assert.is(reserveIds(context, pod(undefined)), undefined);
  assert.is(reserveIds(context, pod(true)), undefined);
  assert.is(reserveIds(context, pod(false)), 123 * 65_536);
});

users("old kernels are named", () => {
  for (const kernel of ["6.3.0", "6.12.5-amd64", "7.0"]) assert.is(usersProblem(kernel), undefined);
  for (const kernel of ["6.2.16", "5.15.0-91-generic"]) {
    assert.match(usersProblem(kernel) ?? "", `kernel ${kernel} has no idmapped mounts`);
  }
});

users.run();
