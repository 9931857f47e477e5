import { suite } from "uvu";
import * as assert from "uvu/assert";
import { messageOf } from "../../../src/base/errors.ts";
import { readAgentConfiguration } from "../../../src/daemon/agent-configuration.ts";

const read = suite("readAgentConfiguration()");

function refusal(...args: readonly string[]): string {
  try {
    readAgentConfiguration(args, {});
  } catch (error) {
    return messageOf(error);
  }
  return "accepted";
}

read("has the kubelet's defaults, and what a daemon is told of its machine", () => {
  const { instance, ...rest } = readAgentConfiguration(
    ["--kubeconfig=/k", "--root", "/srv/agent"],
    {},
  );
  assert.is(instance.root, "/srv/agent");
  assert.is(rest.kubeconfig, "/k");
  assert.is(rest.port, 10_250);
  assert.is(rest.leaseSeconds, 40);
  assert.is(rest.servesServices, true);
  assert.is(rest.nodeName, undefined);
});

read("takes what it is told", () => {
  const { kubeconfig, nodeName, nodeIp, port, leaseSeconds, podCidr, servesServices } =
    readAgentConfiguration(
      [
        ...["--kubeconfig=/k", "--node-name=w1", "--node-ip=192.0.2.7", "--port=10251"],
        ...["--node-lease-duration=4", "--pod-cidr=10.9.1.0/24", "--no-service-proxy"],
      ],
      {},
    );
  assert.equal([kubeconfig, nodeName, nodeIp, port], ["/k", "w1", "192.0.2.7", 10_251]);
  assert.equal([leaseSeconds, podCidr, servesServices], [4, "10.9.1.0/24", false]);
});

const wrong: readonly (readonly [readonly string[], RegExp])[] = [
  [[], /--kubeconfig: is required/],
  [["--kubeconfig=/k", "--node-name=Not A Name"], /--node-name: must be a DNS subdomain/],
  [["--kubeconfig=/k", "--node-ip=::1"], /--node-ip: must be an IPv4 address/],
  [["--kubeconfig=/k", "--port=0"], /--port: must be a number from 1 to 65535/],
  [["--kubeconfig=/k", "--node-lease-duration=4s"], /--node-lease-duration: must be a number/],
];

for (const [args, words] of wrong) {
  read(`refuses ${args.at(-1) ?? "nothing"}`, () => {
    assert.match(refusal(...args), words);
  });
}

read.run();
