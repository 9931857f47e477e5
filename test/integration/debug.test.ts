// Promise: `nspod debug` puts tools beside a container whose image has none, with the rights of its profile, and ends
// as the command in it ended.
import * as assert from "uvu/assert";
import { podSuite } from "../support/pod-suite.ts";
import { requires } from "../support/requires.ts";

requires("root");

const { test, run } = podSuite("debug", "busybox", "scratch");

const bare = { name: "bare", image: "nspod/scratch", args: ["serve", "tcp", "8080"] };

test("shows the processes of a container without a shell, and its network", async (pods) => {
  await pods.up("web", { containers: [bare] });
  const script =
    "tr '\\0' ' ' < /proc/1/cmdline; echo; nc -w 1 127.0.0.1 8080 < /dev/null && echo open; exit 3";
  const { code, stdout, stderr } = await pods.instance.nspod([
    "debug",
    "web",
    "--attach",
    "--image=busybox",
    "--target=bare",
    "--",
    "sh",
    "-c",
    `sleep 0.3; ${script}`,
  ]);
  assert.is(code, 3, stderr);
  assert.match(stdout, /serve tcp 8080 \nopen\n$/);
  assert.match(stderr, /Targeting container "bare"\./);
  assert.match(stderr, /Defaulting debug container name to debugger-[a-z0-9]{5}\./);
});

test("passes standard input, and has the rights of the profile", async (pods) => {
  const capabilities = async (name: string, profile: string): Promise<bigint> => {
    const { stdout, stderr } = await pods.instance.nspod(
      [
        "debug",
        "web",
        "-i",
        "-q",
        "-c",
        name,
        "--image=busybox",
        `--profile=${profile}`,
        "--",
        "sh",
      ],
      { input: "sleep 0.3; grep CapEff /proc/self/status\n" },
    );
    assert.match(stdout, /CapEff/, stderr);
    return BigInt(`0x${stdout.split("\t")[1]?.trim()}`);
  };
  const netAdmin = 1n << 12n;
  const ptrace = 1n << 19n;
  assert.is((await capabilities("net", "netadmin")) & netAdmin, netAdmin);
  const general = await capabilities("usual", "general");
  assert.is(general & netAdmin, 0n);
  assert.is(general & ptrace, ptrace);
});

test("refuses a target that does not exist, and an image that is not here", async (pods) => {
  const target = ["debug", "web", "--image=busybox", "--target=nobody"];
  assert.match((await pods.instance.nspod(target)).stderr, /has no container "nobody"/);
  assert.is((await pods.instance.nspod(["debug", "web"])).code, 1);
});

run();
