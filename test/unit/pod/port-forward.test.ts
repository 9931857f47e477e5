import { suite } from "uvu";
import * as assert from "uvu/assert";
import { compileSocket } from "../../../src/pod/port-forward.ts";
import { K } from "../../../src/sys/abi.ts";
import { explain } from "../../../src/sys/explain.ts";

const sockets = suite("compileSocket()");

sockets("makes a socket in the network namespace of a process, and nothing else", () => {
  const [program] = compileSocket(42, K.AF_INET);
  const names = program.operations.map(({ name }) => name);
  assert.equal(names, ["pidfd_open", "setns", "close", "socket"]);
  const listing = explain(program);
  assert.match(listing, /pidfd_open\(42/);
  assert.match(listing, /setns\(\S+, CLONE_NEWNET\)/);
  assert.match(listing, /SOCK_NONBLOCK/);
});

sockets.run();
