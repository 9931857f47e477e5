import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { probeSchedule } from "../../../src/pod/probe-schedule.ts";

const fresh = { runningMs: 0, daemonMs: 60_000, random: 0.5 };

const schedule = suite("probeSchedule()");

schedule("asks first when initialDelaySeconds are over, counted from the container's start", () => {
  const probe = { initialDelaySeconds: 5, periodSeconds: 2 };
  for (const kind of ["startup", "liveness", "readiness"] as const) {
    assert.equal(probeSchedule({ kind, probe, ...fresh }), {
      earlyMs: [],
      firstMs: 5_000,
      periodMs: 2_000,
    });
  }
  assert.is(probeSchedule({ kind: "liveness", probe, ...fresh, runningMs: 3_000 }).firstMs, 2_000);
});

schedule("asks for liveness once a period, every 10 s by default", () => {
  assert.equal(probeSchedule({ kind: "liveness", probe: {}, ...fresh }), {
    earlyMs: [],
    firstMs: 10_000,
    periodMs: 10_000,
  });
});

schedule(
  "asks for readiness and startup early as well, but never after the first regular time",
  () => {
    const { earlyMs } = probeSchedule({ kind: "readiness", probe: {}, ...fresh });
    assert.equal(earlyMs, [20, 100, 300, 1_000, 3_000]);
    const short = probeSchedule({ kind: "startup", probe: { periodSeconds: 1 }, ...fresh });
    assert.equal(short.earlyMs, [20, 100, 300]);
  },
);

schedule("a new daemon spreads the containers it finds over a period", () => {
  const probe = { initialDelaySeconds: 1, periodSeconds: 20 };
  const found = { probe, runningMs: 500_000, daemonMs: 100, random: 0.25 };
  for (const kind of ["liveness", "readiness"] as const) {
    assert.equal(probeSchedule({ kind, ...found }), {
      earlyMs: [],
      firstMs: 5_000,
      periodMs: 20_000,
    });
  }
});

schedule("a container that the new daemon has started itself is not spread", () => {
  const early = probeSchedule({ kind: "readiness", probe: {}, ...fresh, daemonMs: 500 });
  assert.ok(early.earlyMs.length > 0);
});

schedule("never asks before initialDelaySeconds", () => {
  fc.assert(
    fc.property(
      fc.constantFrom("startup", "liveness", "readiness"),
      fc.record({
        initialDelaySeconds: fc.nat(100),
        periodSeconds: fc.integer({ min: 1, max: 100 }),
      }),
      fc.record({
        runningMs: fc.nat(200_000),
        daemonMs: fc.nat(200_000),
        random: fc.double({ min: 0, max: 0.999, noNaN: true }),
      }),
      (kind, probe, times) => {
        const { earlyMs, firstMs, periodMs } = probeSchedule({ kind, probe, ...times });
        const soonest = Math.min(...earlyMs, firstMs);
        assert.ok(soonest + times.runningMs >= 1000 * probe.initialDelaySeconds);
        assert.ok(firstMs <= Math.max(periodMs, 1000 * probe.initialDelaySeconds));
        assert.ok(earlyMs.every((ms) => ms < firstMs));
      },
    ),
  );
});

schedule.run();
