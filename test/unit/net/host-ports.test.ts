import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isPodError } from "../../../src/base/errors.ts";
import type { HostPort } from "../../../src/net/firewall-state.ts";
import { checkConflicts, compileProbe } from "../../../src/net/host-ports.ts";
import { explain } from "../../../src/sys/explain.ts";

const ports = suite("host ports");

function tcp(hostPort: number, hostIP?: string): HostPort {
  const port = { hostPort, containerPort: 80, protocol: "TCP" } as const;
  return hostIP === undefined ? port : { ...port, hostIP };
}

const conflicts: readonly (readonly [string, HostPort, HostPort])[] = [
  ["the same port", tcp(80), tcp(80)],
  ["every address and one address", tcp(80, ""), tcp(80, "10.0.0.1")],
  ["one address and every address", tcp(80, "10.0.0.1"), tcp(80, "0.0.0.0")],
  ["the same address", tcp(80, "10.0.0.1"), tcp(80, "10.0.0.1")],
];

for (const [words, wanted, taken] of conflicts) {
  ports(`two pods cannot have ${words}`, () => {
    const owner = { pod: "default/first", ports: [tcp(443), taken] };
    assert.throws(
      () => checkConflicts({ pod: "default/second", ports: [wanted] }, [owner]),
      (error: unknown) =>
        isPodError(error, "Conflict") && error.message.includes('pod "default/first" has'),
    );
  });
}

ports("other ports, protocols and addresses do not conflict", () => {
  const owner = { pod: "default/first", ports: [tcp(80, "10.0.0.1")] };
  const wanted = [tcp(80, "10.0.0.2"), tcp(81), { ...tcp(80), protocol: "UDP" } as const];
  checkConflicts({ pod: "default/second", ports: wanted }, [owner]);
});

ports("the probe of an SCTP port asks for that protocol", () => {
  const text = explain(compileProbe({ ...tcp(38_412), protocol: "SCTP" }));
  assert.match(text, "socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, 132)");
  assert.match(text, "0.0.0.0:38412/SCTP");
});

ports("a pod cannot want a port twice", () => {
  assert.throws(
    () => checkConflicts({ pod: "default/web", ports: [tcp(80), tcp(80, "10.0.0.1")] }, []),
    /wants host port 10\.0\.0\.1:80\/TCP twice/,
  );
});

ports("the probe binds and closes; TIME_WAIT is no listener for TCP", () => {
  assert.is(
    explain(compileProbe(tcp(8080, "10.0.0.1"))),
    `probe of host port 10.0.0.1:8080/TCP
   0  socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, 0) = r0
   1  setsockopt(r0, SOL_SOCKET, SO_REUSEADDR, <1>, 4)
   2  bind(r0, {10.0.0.1:8080/TCP}, 16)
   3  close(r0) (or EBADF) always
`,
  );
  const udp = explain(compileProbe({ ...tcp(53), protocol: "UDP" }));
  assert.match(udp, "SOCK_DGRAM");
  assert.not.match(udp, "setsockopt");
});

ports.run();
