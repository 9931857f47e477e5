import { suite } from "uvu";
import * as assert from "uvu/assert";
import { CpuRates } from "../../../src/pod/cpu-rates.ts";
import { busyMicroseconds } from "../../../src/pod/pod-meter.ts";
import { parseNetDev } from "../../../src/sys/net-dev.ts";

const rates = suite("CpuRates");

rates("are what was used since the question before", () => {
  const cpu = new CpuRates();
  assert.is(cpu.take("a", 1_000_000, 0), undefined);
  assert.equal(cpu.take("a", 1_500_000, 1000), { millis: 500, windowMs: 1000 });
  // Too close: the answer stays, and the reading does not count.
  assert.equal(cpu.take("a", 1_500_100, 1010), { millis: 500, windowMs: 1000 });
  assert.equal(cpu.take("a", 3_500_000, 2000), { millis: 2000, windowMs: 1000 });
});

rates(
  "begin again after a long time, with a new cgroup of the same name, and when forgotten",
  () => {
    const cpu = new CpuRates();
    cpu.take("a", 1_000_000, 0);
    assert.is(cpu.take("a", 2_000_000, 61_000), undefined);
    assert.is(cpu.take("a", 5, 62_000), undefined);
    assert.equal(cpu.take("a", 1_000_005, 63_000), { millis: 1000, windowMs: 1000 });
    cpu.prune(124_000);
    assert.is(cpu.take("a", 2_000_005, 124_000), undefined);
  },
);

rates.run();

const parsers = suite("counters of the machine");

parsers("busyMicroseconds() leaves out idle time and waiting", () => {
  assert.is(busyMicroseconds("cpu  10 1 5 1000 99 2 3 0 7 0\ncpu0 1 1 1 1\n"), 210_000);
  assert.is(busyMicroseconds(""), 0);
});

parsers("parseNetDev() reads links by name", () => {
  const text = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     100       1    0    0    0     0          0         0      100       1    0    0    0     0       0          0
  eth0: 123456     99    0    0    0     0          0         0     7890      12    0    0    0     0       0          0
`;
  const links = parseNetDev(text);
  assert.equal(links.get("eth0"), { receivedBytes: 123_456, sentBytes: 7890 });
  assert.equal([...links.keys()], ["lo", "eth0"]);
});

parsers.run();
