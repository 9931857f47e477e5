import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isPodError } from "../../../src/base/errors.ts";
import { Places } from "../../../src/volume/places.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const visits = suite("Places.visit()");

const never = new Promise<string>(() => undefined);

async function problem(visit: Promise<unknown>): Promise<string> {
  const error = await visit.catch((cause: unknown) => cause);
  assert.ok(isPodError(error, "DeadlineExceeded"), String(error));
  return error.message;
}

visits("gives what was seen, or why not", async () => {
  const places = new Places(new FakeClock(), 2);
  assert.is(await places.visit("/a", () => Promise.resolve("seen")), "seen");
  const failed = places.visit("/a", () => Promise.reject(new Error("ELOOP")));
  assert.is(await failed.catch(String), "Error: ELOOP");
  assert.is(await places.visit("/a", () => Promise.resolve("again")), "again");
});

visits("gives up a place that does not answer, and never asks it twice at once", async () => {
  const clock = new FakeClock();
  const places = new Places(clock, 2);
  let asked = 0;
  const dead = (): Promise<string> => {
    asked++;
    return never;
  };
  const both = [problem(places.visit("/dead", dead)), problem(places.visit("/dead", dead))];
  await clock.pass(5_000);
  const sentence = 'Waited 5 s for "/dead": its file system does not answer';
  assert.equal(await Promise.all(both), [sentence, sentence]);
  assert.is(asked, 1);
  assert.is(await places.visit("/alive", () => Promise.resolve("seen")), "seen");
});

visits("leaves threads to others, and says who has the rest", async () => {
  const clock = new FakeClock();
  const places = new Places(clock, 2);
  const { promise, resolve } = Promise.withResolvers<string>();
  const first = problem(places.visit("/a", () => promise));
  const second = problem(places.visit("/b", () => never));
  const third = problem(places.visit("/c", () => Promise.resolve("not asked")));
  await clock.pass(2_500);
  const fourth = places.visit("/d", () => Promise.resolve("seen"));
  await clock.pass(2_500);
  await second;
  assert.match(await third, 'of "/a" and "/b" do not answer and hold up all others');
  resolve("late");
  assert.is(await fourth, "seen", "a place is free again");
  assert.match(await first, 'for "/a"');
});

visits("waits for a look as long as it gets on, and so do others", async () => {
  const clock = new FakeClock();
  const places = new Places(clock, 1);
  const { promise, resolve } = Promise.withResolvers<string>();
  let answers = 0;
  const first = places.visit(
    "/large",
    () => promise,
    () => answers,
  );
  const second = places.visit("/other", () => Promise.resolve("seen"));
  for (; answers < 3; answers++) await clock.pass(4_000);
  resolve("walked");
  assert.equal(await Promise.all([first, second]), ["walked", "seen"]);
  const third = problem(
    places.visit(
      "/large",
      () => never,
      () => answers,
    ),
  );
  answers++;
  await clock.pass(5_000);
  await clock.pass(5_000);
  assert.match(await third, 'for "/large"');
});

visits.run();
