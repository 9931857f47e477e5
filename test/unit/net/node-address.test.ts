import { suite } from "uvu";
import * as assert from "uvu/assert";
import { chooseAddress, defaultRouteLink } from "../../../src/net/node-address.ts";

const address = suite("address of the node");

const head =
  "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";

address("the default route with the lowest metric names the link", () => {
  const table = `${head}eth1\t00000000\t0102A8C0\t0003\t0\t0\t200\t00000000\t0\t0\t0
eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
wg0\t00000000\t00000000\t0002\t0\t0\t0\t00000000\t0\t0\t0
eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
`;
  assert.is(defaultRouteLink(table), "eth0");
  assert.is(defaultRouteLink(head), undefined);
  assert.is(defaultRouteLink(""), undefined);
});

function four(
  text: string,
  internal = false,
): { address: string; family: "IPv4"; internal: boolean } {
  return { address: text, family: "IPv4", internal };
}

address("its IPv4 address is taken, else the first that is not loopback", () => {
  const links = {
    lo: [four("127.0.0.1", true)],
    nspod0: [four("10.85.0.1")],
    eth0: [{ address: "fd00::2", family: "IPv6" as const, internal: false }, four("192.0.2.2")],
  };
  assert.equal(chooseAddress(links, "eth0"), { address: "192.0.2.2", link: "eth0" });
  assert.equal(chooseAddress(links, "gone"), { address: "10.85.0.1", link: "nspod0" });
  assert.equal(chooseAddress({ lo: links.lo }, undefined), { address: "127.0.0.1" });
});

address.run();
