// Many clients on the same names, for ten minutes (security: C-16).
import type { ArmedPods } from "../support/armed-daemon.ts";
import { Crowd } from "../support/crowd.ts";
import { type Figures, share } from "./figures.ts";

const count = share(60_000);
const clients = 32;
const names = Array.from({ length: 8 }, (_, index) => `pod-${index}`);

export async function crowd(figures: Figures, { pods }: ArmedPods): Promise<void> {
  const many = new Crowd(pods, names);
  await many.run(clients, count);
  // Addresses that were given back rest for a minute, and there are no others by now.
  await many.settle(180_000);
  console.log(many.outcomes);
  figures.none(
    "C-16",
    `mistakes in ${count} actions of ${clients} clients on ${names.length} names`,
    many.mistakes,
  );
  figures.none("C-16", "actions that were never granted", many.untried);
}
