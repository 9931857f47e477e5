import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { hasCode, messageOf } from "../../../src/base/errors.ts";
import {
  armFailpoints,
  failpoint,
  failpointAside,
  shimEnvironment,
} from "../../../src/base/failpoint.ts";
import { type FailpointName, failpoints } from "../../../src/base/failpoint-table.ts";

const points = suite("failpoint()");
const repository = join(import.meta.dirname, "../../..");

function arm(text: string | undefined): void {
  armFailpoints({ NSPOD_FAILPOINTS: text });
}

points.after.each(() => arm(undefined));

/** What happened at a point, as often as it was passed. */
function passes(name: FailpointName, times: number): readonly string[] {
  return Array.from({ length: times }, () => {
    try {
      failpoint(name);
      return "";
    } catch (error) {
      return messageOf(error);
    }
  });
}

points("does nothing unless it is armed", () => {
  assert.equal(passes("net/ipam.reserve", 2), ["", ""]);
  arm("net/ipam.release=error(EIO)");
  assert.equal(passes("net/ipam.reserve", 2), ["", ""]);
});

points("fails in its time, like a system call", () => {
  arm("net/ipam.reserve=error(ENOSPC):@2;net/ipam.reserve=error(EIO):@3+");
  const [full, broken] = ["ENOSPC", "EIO"].map((code) => `${code}: fail point net/ipam.reserve`);
  assert.equal(passes("net/ipam.reserve", 4), ["", full, broken, broken]);
  try {
    failpoint("net/ipam.reserve");
    assert.unreachable();
  } catch (error) {
    assert.ok(hasCode(error, "EIO"));
  }
});

points("holds the thread up", () => {
  arm("net/ipam.reserve=delay(20)");
  const begin = performance.now();
  failpoint("net/ipam.reserve");
  assert.ok(performance.now() - begin >= 19);
});

points("holds up whoever waits for another thread, and nobody else", async () => {
  assert.is(failpointAside("net/ipam.reserve"), undefined);
  arm("net/ipam.reserve=delay(20):@1;net/ipam.reserve=error(EIO):@2");
  const begin = performance.now();
  const slow = failpointAside("net/ipam.reserve");
  assert.ok(slow instanceof Promise);
  assert.throws(() => failpointAside("net/ipam.reserve"), /^EIO: fail point/);
  await slow;
  assert.ok(performance.now() - begin >= 19);
});

points("kills its own process before anything else happens", () => {
  const script = `
    import { armFailpoints, failpoint } from "./src/base/failpoint.ts";
    armFailpoints(process.env);
    failpoint("net/ipam.reserve");
    console.log("first");
    failpoint("net/ipam.reserve");
    console.log("second");`;
  const { signal, stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    cwd: repository,
    env: { NSPOD_FAILPOINTS: "net/ipam.reserve=kill:@2", NODE_NO_WARNINGS: "1" },
    encoding: "utf8",
  });
  assert.is(signal, "SIGKILL");
  assert.is(stdout, "first\n");
});

points("gives a shim its own points, in numbers", () => {
  assert.equal(shimEnvironment(), []);
  arm("net/ipam.reserve=kill");
  assert.equal(shimEnvironment(), []);
  arm(
    "shim.start=error(EMFILE):2;net/ipam.reserve=kill;shim.log-write=delay(7):@3+;shim.exit-record=kill:@1",
  );
  assert.equal(shimEnvironment(), [
    "NSPOD_FAILPOINTS=shim.start=e,24,1,2;shim.log-write=d,7,3,0;shim.exit-record=k,0,1,1",
  ]);
});

points("has every name once in the code, and no other", () => {
  const files = ["src", "native"].flatMap((folder) =>
    readdirSync(join(repository, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => /^[^/]+\.c$|\.ts$/.test(name))
      .map((name) => `${folder}/${name}`),
  );
  const found = files.flatMap((file) => {
    const code = readFileSync(join(repository, file), "utf8").replace(/\/\*[\s\S]*?\*\//g, "");
    return [...code.matchAll(/\bfailpoint(?:Aside)?\("([^"]*)"\)/g)].map(([, name = ""]) => ({
      file,
      name,
    }));
  });
  assert.equal(found.map(({ name }) => name).sort(), Object.keys(failpoints).sort());
  for (const { file, name } of found) {
    const place = name.startsWith("shim.") ? "native/shim_" : `src/${name.split(".")[0]}.ts`;
    assert.ok(file.startsWith(place), `${file} has the point ${name}`);
  }
});

points.run();
