// How fast pods leave unready nodes, by how much of their zone is unready.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  defaultEvictionRates,
  evictionsPerSecond,
  zoneOf,
} from "../../../src/controller/zone-health.ts";
import type { Node } from "../../../src/spec/kubernetes.gen.ts";
import { nodeOf } from "../scheduler/fixture.ts";

/** So many ready and unready nodes of a zone. */
function zone(name: string, ready: number, unready: number): readonly Node[] {
  return Array.from({ length: ready + unready }, (_, index) => {
    const labels = { "topology.kubernetes.io/zone": name };
    const { node } = nodeOf(`${name}-${index}`, { labels });
    const status = index < ready ? "True" : "Unknown";
    return { ...node, status: { ...node.status, conditions: [{ type: "Ready", status }] } };
  });
}

function rate(...zones: readonly (readonly Node[])[]): number | undefined {
  return evictionsPerSecond("/a", zones.flat(), defaultEvictionRates);
}

const rates = suite("evictionsPerSecond()");

rates("is the full rate while a zone is mostly ready, or has few unready nodes", () => {
  assert.is(rate(zone("a", 9, 1)), 0.1);
  assert.is(rate(zone("a", 1, 2)), 0.1);
  assert.is(rate(zone("a", 46, 54)), 0.1);
});

rates("is slow in a large unhealthy zone, and nothing in a small one", () => {
  assert.is(rate(zone("a", 45, 55)), 0.01);
  assert.is(rate(zone("a", 20, 31)), 0.01);
  assert.is(rate(zone("a", 20, 30)), 0);
  assert.is(rate(zone("a", 1, 3)), 0);
});

rates("a zone that is wholly gone is left at the full rate while another one is there", () => {
  assert.is(rate(zone("a", 0, 60), zone("b", 1, 0)), 0.1);
  assert.is(rate(zone("a", 0, 3), zone("b", 1, 0)), 0.1);
});

rates("nobody is to go when no node is ready", () => {
  assert.is(rate(zone("a", 0, 1)), undefined);
  assert.is(rate(zone("a", 0, 60), zone("b", 0, 3)), undefined);
});

rates("zoneOf() tells zones of different regions apart", () => {
  const labels = (region: string): Record<string, string> => ({
    "topology.kubernetes.io/region": region,
    "topology.kubernetes.io/zone": "a",
  });
  assert.is(zoneOf(nodeOf("n", { labels: labels("r1") }).node), "r1/a");
  assert.is(zoneOf(nodeOf("n").node), "/");
});

rates.run();
