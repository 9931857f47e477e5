// `make torture`: the promises of the table of safety with their full figures, on this machine. Takes an hour or so;
// PERCENT=5 shrinks every number, and names of parts run these alone: main.ts execs logs.
import { ArmedPods } from "../support/armed-daemon.ts";
import { firstMissing, type Need, requires } from "../support/requires.ts";
import { adoption } from "./adoption.ts";
import { crowd } from "./crowd.ts";
import { daemonKills } from "./daemon-kills.ts";
import { execs } from "./execs.ts";
import { failingImports } from "./failing-imports.ts";
import { Figures } from "./figures.ts";
import { floodsBeside } from "./floods.ts";
import { logs } from "./logs.ts";
import { ooms } from "./ooms.ts";
import { powerCuts } from "./power-cuts.ts";
import { restarts } from "./restarts.ts";
import { reusedPids } from "./reused-pids.ts";
import { shimDeaths } from "./shim-deaths.ts";
import { slowReaders } from "./slow-readers.ts";
import { stuck } from "./stuck.ts";

requires("root");

const parts = {
  daemonKills,
  adoption,
  restarts,
  shimDeaths,
  execs,
  logs,
  slowReaders,
  stuck,
  failingImports,
  crowd,
  powerCuts,
  floods: floodsBeside,
  ooms,
  reusedPids,
};
/** What not every machine has; `make torture-vm` has a guest that does. */
const needs: Readonly<Record<string, readonly Need[]>> = {
  ooms: ["cgroup2:memory"],
  reusedPids: ["guest"],
};

const wanted = process.argv.slice(2);
const figures = new Figures();
for (const [name, run] of Object.entries(parts)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  console.log(`== ${name}`);
  const missing = firstMissing(needs[name] ?? []);
  if (missing !== undefined) {
    console.log(`left out: ${missing.reason}`);
    continue;
  }
  const armed = await ArmedPods.start("busybox", "testbox");
  await run(figures, armed).catch((error: unknown) => figures.failed(name, error));
  try {
    await armed.close();
    figures.add("C-15", `left by ${name}`, "nothing", "nothing", true);
  } catch (error) {
    figures.failed(`what ${name} leaves`, error);
  }
}
figures.print();
process.exitCode = figures.areMet ? 0 : 1;
