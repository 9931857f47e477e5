import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { contains, formatAddress, parseAddress, parseSubnet } from "../../../src/net/ipv4.ts";

const ipv4 = suite("IPv4 arithmetic");

ipv4("addresses survive the round trip", () => {
  fc.assert(fc.property(fc.ipV4(), (text) => assert.is(formatAddress(parseAddress(text)), text)));
});

ipv4("a subnet contains exactly its addresses", () => {
  const subnet = parseSubnet("10.85.4.0/22");
  assert.equal(subnet, { base: parseAddress("10.85.4.0"), prefixLength: 22, size: 1024 });
  assert.ok(contains(subnet, parseAddress("10.85.7.255")));
  assert.not.ok(contains(subnet, parseAddress("10.85.8.0")));
  assert.not.ok(contains(subnet, parseAddress("10.85.3.255")));
  assert.is(parseSubnet("0.0.0.0/0").size, 2 ** 32);
});

ipv4("what is no address is refused", () => {
  for (const bad of ["", "1.2.3", "1.2.3.256", "01.2.3.4", "::1", "1.2.3.4 "]) {
    assert.throws(() => parseAddress(bad), /is not an IPv4 address/);
  }
});

ipv4.run();
