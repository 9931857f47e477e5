import { suite } from "uvu";
import * as assert from "uvu/assert";
import { forwardDrops } from "../../../src/net/forward-policy.ts";

const policy = suite("forwardDrops()");

policy("names the chains of the forward hook whose policy is drop", () => {
  const docker = {
    family: "ip",
    table: "filter",
    name: "FORWARD",
    hook: "forward",
    policy: "drop",
  };
  assert.equal(
    forwardDrops([
      { chain: docker },
      { chain: { ...docker, table: "nspod_nspod0", policy: "accept" } },
      { chain: { ...docker, hook: "input" } },
      { chain: { family: "ip", table: "filter", name: "DOCKER-USER" } },
      { chain: { ...docker, family: "ip6" } },
      { chain: { ...docker, family: "inet", table: "ufw" } },
      { table: { family: "ip", name: "filter" } },
    ]),
    ["ip filter FORWARD", "inet ufw FORWARD"],
  );
});

policy.run();
