import { suite } from "uvu";
import * as assert from "uvu/assert";
import { PodError } from "../../../src/base/errors.ts";
import type { PodEvent } from "../../../src/pod/context.ts";
import type { CommandOptions, CommandResult, ProbeTarget } from "../../../src/pod/probe-target.ts";
import { type ProbeResult, Prober } from "../../../src/pod/prober.ts";
import type { Container, Probe } from "../../../src/spec/pod.ts";
import { FakeClock, settled } from "../../support/fake-clock.ts";
import { pod } from "./fixtures.ts";

const uid = pod().metadata.uid;

/** A prober whose exec probes answer what the test says; "startup" is the command of the startup probe, and so on. */
class Stage {
  readonly clock = new FakeClock();
  readonly asked: string[] = [];
  readonly results: string[] = [];
  readonly events: PodEvent[] = [];
  readonly answers = new Map<string, CommandResult | Error | "silence">();
  readonly prober: Prober;
  readonly #beginMs = this.clock.now();

  constructor() {
    this.prober = new Prober({
      clock: this.clock,
      report: (_pod, event) => this.events.push(event),
      onResult: ({ kind, isSuccess, message }: ProbeResult) =>
        this.results.push(`${kind} ${isSuccess} ${message}`.trimEnd()),
      random: () => 0.5,
    });
  }

  answer(command: string, answer: boolean | CommandResult | Error | "silence"): void {
    const result = { exitCode: answer === true ? 0 : 1, output: "" };
    this.answers.set(command, typeof answer === "boolean" ? result : answer);
  }

  track(container: Partial<Container>, change: Partial<ProbeTarget> = {}): void {
    this.prober.track({
      pod: pod(),
      container: { name: "app", image: "busybox", ...container },
      list: "containers",
      attemptId: "a0",
      address: "",
      startedAtMs: this.clock.now(),
      isStarted: false,
      isReady: false,
      exec: (command, options) => this.#run(command[0] ?? "", options),
      ...change,
    });
  }

  /** Seconds since the beginning at which a command was asked; the early ones are left out. */
  secondsOf(command: string): number[] {
    return this.asked
      .filter((line) => line.startsWith(`${command} `))
      .map((line) => Number(line.split(" ")[1]) / 1000)
      .filter(Number.isInteger);
  }

  async #run(command: string, { signal }: CommandOptions): Promise<CommandResult> {
    this.asked.push(`${command} ${this.clock.now() - this.#beginMs}`);
    const answer = this.answers.get(command) ?? { exitCode: 0, output: "" };
    if (answer instanceof Error) throw answer;
    if (answer !== "silence") return answer;
    const { promise, reject } = Promise.withResolvers<never>();
    signal.addEventListener("abort", () => reject(signal.reason));
    return promise;
  }
}

function probe(command: string, rest: Omit<Probe, "exec"> = {}): Probe {
  return { exec: { command: [command] }, periodSeconds: 1, ...rest };
}

const prober = suite("Prober");

prober("costs nothing for a container without probes", () => {
  const stage = new Stage();
  stage.track({});
  assert.is(stage.clock.timers, 0);
});

prober("asks once per period and tells only changes of the result", async () => {
  const stage = new Stage();
  stage.track({ livenessProbe: probe("liveness", { periodSeconds: 5 }) });
  await stage.clock.pass(20_000);
  assert.equal(stage.secondsOf("liveness"), [5, 10, 15, 20]);
  assert.equal(stage.results, []);
  stage.prober.close();
  assert.is(stage.clock.timers, 0);
});

prober("holds liveness and readiness back until startup has passed", async () => {
  const stage = new Stage();
  stage.answer("startup", false);
  stage.track({
    startupProbe: probe("startup", { failureThreshold: 10 }),
    livenessProbe: probe("liveness"),
    readinessProbe: probe("readiness"),
  });
  await stage.clock.pass(4_000);
  assert.equal(stage.secondsOf("startup"), [1, 2, 3, 4]);
  assert.equal(stage.secondsOf("liveness").concat(stage.secondsOf("readiness")), []);
  stage.answer("startup", true);
  await stage.clock.pass(2_000);
  assert.equal(stage.results, ["startup true", "readiness true"]);
  assert.equal(stage.secondsOf("startup"), [1, 2, 3, 4, 5]);
  assert.equal(stage.secondsOf("liveness"), [6]);
  stage.prober.close();
});

prober("does not ask for startup when the record says that it has passed", async () => {
  const stage = new Stage();
  const container = { startupProbe: probe("startup"), livenessProbe: probe("liveness") };
  stage.track(container, { isStarted: true });
  await stage.clock.pass(2_000);
  assert.equal(stage.secondsOf("startup"), []);
  assert.equal(stage.secondsOf("liveness"), [1, 2]);
  stage.prober.close();
});

prober("a failed startup counts regular answers only, and is the last word", async () => {
  const stage = new Stage();
  stage.answer("startup", { exitCode: 1, output: "not yet" });
  stage.track({
    startupProbe: probe("startup", { failureThreshold: 3 }),
    livenessProbe: probe("liveness"),
  });
  await stage.clock.pass(2_999);
  assert.equal(stage.results, []);
  await stage.clock.pass(1);
  assert.equal(stage.results, ["startup false not yet"]);
  assert.is(stage.clock.timers, 0);
  assert.equal(
    stage.events.map(({ type, reason, message }) => `${type} ${reason} ${message}`),
    Array(3).fill("Warning Unhealthy Startup probe failed: not yet"),
  );
});

prober("a fast container is ready before its first period is over", async () => {
  const stage = new Stage();
  stage.answer("readiness", false);
  stage.track({ readinessProbe: probe("readiness", { periodSeconds: 10 }) });
  await stage.clock.pass(150);
  stage.answer("readiness", true);
  await stage.clock.pass(150);
  assert.equal(stage.results, ["readiness true"]);
  assert.equal(stage.events, []);
  await stage.clock.pass(10_000);
  assert.equal(stage.asked, ["readiness 20", "readiness 100", "readiness 300", "readiness 10000"]);
  stage.prober.close();
});

prober("readiness goes and comes back", async () => {
  const stage = new Stage();
  stage.track({ readinessProbe: probe("readiness", { failureThreshold: 2 }) });
  await stage.clock.pass(1_000);
  stage.answer("readiness", false);
  await stage.clock.pass(1_000);
  assert.equal(stage.results, ["readiness true"]);
  await stage.clock.pass(1_000);
  stage.answer("readiness", true);
  await stage.clock.pass(1_000);
  assert.equal(stage.results, ["readiness true", "readiness false", "readiness true"]);
  stage.prober.close();
});

prober("an error is no answer, but people are told", async () => {
  const stage = new Stage();
  stage.answer("liveness", new PodError("FailedPrecondition", "no such program"));
  stage.track({ livenessProbe: probe("liveness", { failureThreshold: 1 }) });
  await stage.clock.pass(3_000);
  assert.equal(stage.results, []);
  assert.is(
    stage.events[0]?.message,
    "Liveness probe errored and resulted in unknown state: no such program",
  );
  stage.prober.close();
});

prober("asks a pod that is being deleted for readiness alone", async () => {
  const stage = new Stage();
  const container = { livenessProbe: probe("liveness"), readinessProbe: probe("readiness") };
  stage.track(container);
  await stage.clock.pass(1_000);
  stage.track(container, { pod: pod({ deletionGracePeriodSeconds: 30 }) });
  stage.answer("readiness", false);
  await stage.clock.pass(3_000);
  assert.equal(stage.secondsOf("liveness"), [1]);
  assert.equal(stage.results, ["readiness true", "readiness false"]);
  stage.prober.close();
});

prober("throws the answer of a container away that has ended meanwhile", async () => {
  const stage = new Stage();
  stage.answer("liveness", "silence");
  stage.track({ livenessProbe: probe("liveness", { failureThreshold: 1 }) });
  await stage.clock.pass(1_000);
  assert.equal(stage.secondsOf("liveness"), [1]);
  stage.prober.untrack("a0");
  await settled();
  assert.equal(stage.events, []);
  assert.equal(stage.results, []);
  assert.is(stage.clock.timers, 0);
});

prober("lastResult() stays until the pod is forgotten", async () => {
  const stage = new Stage();
  stage.answer("liveness", { exitCode: 1, output: "broken" });
  stage.track({ livenessProbe: probe("liveness") });
  await stage.clock.pass(2_000);
  stage.prober.untrack("a0");
  const { isSuccess, run, message } = stage.prober.lastResult(uid, "app", "liveness") ?? {};
  assert.equal([isSuccess, run, message], [false, 2, "broken"]);
  stage.prober.forget(uid);
  assert.is(stage.prober.lastResult(uid, "app", "liveness"), undefined);
});

prober.run();
