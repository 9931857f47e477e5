// Promise: while a process of the container exchanges folders for links, as fast as it can, `nspod cp` reads and writes
// nothing but what the container has and what the user named: also where the container shares a folder of the node with
// the user (security: VOL-04).
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { copyFiles } from "../../src/cli/commands/cp.ts";
import { Context } from "../../src/cli/context.ts";
import type { PodSpec } from "../../src/spec/pod.ts";
import { podSuite } from "../support/pod-suite.ts";
import type { Pods } from "../support/pods.ts";
import { requires } from "../support/requires.ts";
import { fakeScreen } from "../unit/cli/fake-daemon.ts";

requires("root", "kernel:5.15");

const { test, run } = podSuite("cp while names are exchanged", "testbox");

const secret = "secret of the host";

/** Rounds of a race: many, on a slow machine fewer, and as many as it takes to have met both sides of it. */
async function race(
  round: (number: number) => Promise<void>,
  wasMet: () => boolean,
): Promise<number> {
  const end = performance.now() + 5_000;
  let count = 0;
  while (!wasMet() || (count < 80 && performance.now() < end)) await round(count++);
  return count;
}

/** `nspod cp` without a start of Node for each. @returns what went wrong, in its words; empty when nothing did. */
async function copy(pods: Pods, source: string, target: string): Promise<string> {
  const { screen, printed } = fakeScreen();
  const context = new Context({
    screen,
    instance: pods.instance,
    givenNamespace: undefined,
  });
  try {
    await copyFiles(context, source, target, { preserve: true });
  } catch (error) {
    return String(error);
  }
  return printed.err;
}

/** A folder of the host that no container has, with a secret in it. */
function hostFolder(pods: Pods, name: string): string {
  const path = join(pods.instance.base, name);
  mkdirSync(path);
  writeFileSync(join(path, "file"), secret);
  return path;
}

/** Nothing was written there. */
function assertUntouched(path: string): void {
  assert.equal(readdirSync(path), ["file"]);
  assert.is(readFileSync(join(path, "file"), "utf8"), secret);
}

function swapping(script: string, extra: Partial<PodSpec> = {}): PodSpec {
  const { containers: [main] = [], ...spec } = extra;
  const command = ["sh", "-c", script];
  return { ...spec, containers: [{ ...main, name: "main", image: "nspod/testbox", command }] };
}

test("comes to what the container has, through a link to its root as well", async (pods) => {
  const outside = hostFolder(pods, "outside");
  const here = join(pods.instance.base, "here");
  mkdirSync(here);
  writeFileSync(join(here, "in"), "in");
  // The same path below the folder, below the root of the container, and on the host.
  await pods.up(
    "roots",
    swapping(`mkdir -p /tmp/a${outside} ${outside}; ln -s / /tmp/b
      echo folder > /tmp/a${outside}/file; echo root > ${outside}/file
      exec attack swap /tmp/a /tmp/b`),
  );
  await pods.untilLogged("roots", "main", "ready");
  const seen = new Set<string>();
  const rounds = await race(
    async (round) => {
      const [out, into] = await Promise.all([
        copy(pods, `roots:/tmp/a${outside}/file`, join(here, "out")),
        copy(pods, join(here, "in"), `roots:/tmp/a${outside}/in-${round}`),
      ]);
      assert.is(out, "");
      // It has its owner and times by its name.
      assert.match(into, /^$|^nspod: Cannot \w+ "\/tmp\/a.*": no such file or directory/);
      seen.add(readFileSync(join(here, "out"), "utf8"));
    },
    () => seen.size > 1,
  );
  assert.equal([...seen].sort(), ["folder\n", "root\n"]);
  // Both are exchanged still: one look may see one of them twice.
  const look = `for i in $(seq 100); do ls /tmp/a/.${outside}; done | grep in- | sort -u | wc -l`;
  const written = await pods.ask("roots", look);
  assert.ok(Number(written) >= rounds, written);
  assertUntouched(outside);
  await pods.delete("roots");
});

test("leaves the host alone where the user's end is a folder that the container shares", async (pods) => {
  const outside = hostFolder(pods, "beyond");
  const shared = join(pods.instance.base, "shared");
  mkdirSync(join(shared, "tree/dir"), { recursive: true });
  await pods.up(
    "shares",
    swapping(
      `cd /shared/tree; mkdir -p /tmp/source/dir
      for name in 1 2 3 4 5 6 7 8; do echo own > dir/$name; echo own > /tmp/source/dir/$name; done
      echo own > dir/file; ln -s ${outside} link; echo own > file; ln -s ${outside}/file other
      cp file /tmp/source/file; exec attack swap dir link file other`,
      {
        volumes: [{ name: "shared", hostPath: { path: shared } }],
        containers: [
          { name: "main", image: "", volumeMounts: [{ name: "shared", mountPath: "/shared" }] },
        ],
      },
    ),
  );
  await pods.untilLogged("shares", "main", "ready");
  const tree = join(shared, "tree");
  let whole = 0;
  let leftOut = 0;
  await race(
    async (round) => {
      const [out, single] = await Promise.all([
        copy(pods, "shares:/tmp/source", tree),
        copy(pods, "shares:/tmp/source/file", tree),
        copy(pods, tree, `shares:/tmp/in-${round}`),
      ]);
      // What stands there as a link is left out, and told.
      for (const text of [out, single]) {
        assert.match(text, /^$|^nspod: "[^"]*" is left out: /);
        if (text === "") whole++;
        else leftOut++;
      }
      assertUntouched(outside);
    },
    () => whole > 0 && leftOut > 0,
  );
  assert.is(await pods.ask("shares", `grep -rl "${secret}" /tmp /shared || echo none`), "none");
  assert.ok(Number(await pods.ask("shares", "find /tmp/in-* -type f | wc -l")) > 0);
  await pods.delete("shares");
});

run();
