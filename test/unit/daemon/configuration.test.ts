// Flags and variables of the daemon: precedence, rules, and sentences.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isPodError } from "../../../src/base/errors.ts";
import { defaultInstance } from "../../../src/base/instance.ts";
import { readConfiguration } from "../../../src/daemon/configuration.ts";

const read = suite("readConfiguration()");

function refusal(...args: readonly string[]): string {
  try {
    readConfiguration(args, {});
  } catch (error) {
    if (isPodError(error, "InvalidArgument")) return error.message;
    throw error;
  }
  return "accepted";
}

read("gives defaults, and takes flags before variables", () => {
  assert.equal(readConfiguration([], {}), {
    instance: defaultInstance,
    enforceLimits: false,
    allowedUnsafeSysctls: [],
    logLevel: "info",
    onDemand: false,
    clusterCidr: "10.87.0.0/16",
    nodeGraceMs: 40_000,
  });
  const env = {
    NSPOD_ROOT: "/env/root",
    NSPOD_BRIDGE: "env0",
    NSPOD_RUN: "",
    NSPOD_ENFORCE_LIMITS: "1",
    NSPOD_LOG_LEVEL: "debug",
    NSPOD_CLUSTER_CIDR: "10.90.0.0/16",
    NSPOD_NODE_IP: "192.0.2.9",
    NSPOD_NODE_MONITOR_GRACE_PERIOD: "2m",
    NSPOD_ALLOWED_UNSAFE_SYSCTLS: "kernel.msg*, net/core/somaxconn,",
  };
  const args = [
    "--root",
    "/flag//root/./",
    "--cgroup=/a/b",
    "--subnet",
    "192.168.7.0/24",
    "--on-demand",
  ];
  assert.equal(readConfiguration(args, env), {
    instance: {
      root: "/flag/root",
      run: "/run/nspod",
      bridge: "env0",
      subnet: "192.168.7.0/24",
      serviceSubnet: "10.96.0.0/16",
      cgroup: "/a/b",
    },
    enforceLimits: true,
    allowedUnsafeSysctls: ["kernel.msg*", "net/core/somaxconn"],
    logLevel: "debug",
    onDemand: true,
    nodeIp: "192.0.2.9",
    clusterCidr: "10.90.0.0/16",
    nodeGraceMs: 120_000,
  });
  assert.is(readConfiguration(["--subnet=10.87.3.0/24"], {}).clusterCidr, undefined);
  assert.match(refusal("--cluster-cidr", "10.85.0.0/20"), /must not overlap --subnet/);
  assert.is(readConfiguration(["--node-monitor-grace-period=1500ms"], env).nodeGraceMs, 1500);
  assert.match(refusal("--node-monitor-grace-period", "0s"), /must be a time like "40s"/);
});

read("refuses what could not work, naming flag and value", () => {
  const long = `/${"r".repeat(60)}`;
  const cases: readonly (readonly [flag: string, value: string])[] = [
    ["--allowed-unsafe-sysctls", "kernel.panic"],
    ["--allowed-unsafe-sysctls", "net..core"],
    ["--root", "relative"],
    ["--root", "/"],
    ["--root", "/a/../b"],
    ["--root", "/a:b"],
    ["--root", "/a,b"],
    ["--root", "/a b"],
    ["--root", "/a\\b"],
    ["--run", long],
    ["--run", "run"],
    ["--run", "/var/lib/nspod"],
    ["--bridge", ""],
    ["--bridge", "a".repeat(16)],
    ["--bridge", "a/b"],
    ["--bridge", ".."],
    ["--bridge", "0x"],
    ["--subnet", "10.0.0.0"],
    ["--subnet", "10.0.0.0/29"],
    ["--subnet", "10.0.0.0/7"],
    ["--subnet", "8.8.8.0/24"],
    ["--subnet", "10.0.0.1/24"],
    ["--subnet", "172.32.0.0/16"],
    ["--subnet", "fd00::/64"],
    ["--subnet", "192.168.0.0/15"],
    ["--cgroup", "nspod"],
    ["--cgroup", "/"],
    ["--cgroup", "/a/../b"],
    ["--cgroup", "/a//b"],
    ["--cgroup", "/a/"],
    ["--cgroup", "/.."],
    ["--log-level", "loud"],
  ];
  for (const [flag, value] of cases) {
    const message = refusal(flag, value);
    assert.ok(message.startsWith(`${flag}: `), `${flag} ${value}: ${message}`);
  }
  assert.match(refusal("--run", long), /at most 60 bytes.*got 61/);
});

read("lists every mistake at once", () => {
  const message = refusal("--root", "x", "--bridge", "a/b", "--log-level", "loud");
  assert.equal(
    message.split("\n").map((line) => line.split(":")[0]),
    ["--root", "--bridge", "--log-level"],
  );
});

read("refuses unknown flags, missing values and words", () => {
  for (const args of [["--rot", "/x"], ["--root"], ["word"], ["--on-demand=yes"]]) {
    assert.is.not(refusal(...args), "accepted", args.join(" "));
  }
  assert.throws(
    () => readConfiguration([], { NSPOD_ENFORCE_LIMITS: "maybe" }),
    /NSPOD_ENFORCE_LIMITS/,
  );
});

read("keeps pods and Services apart", () => {
  assert.is(
    refusal("--subnet", "10.0.0.0/8"),
    '--service-subnet: must not overlap --subnet: got "10.96.0.0/16" and "10.0.0.0/8"',
  );
  const env = { NSPOD_SERVICE_SUBNET: "10.97.0.0/16" };
  assert.is(readConfiguration([], env).instance.serviceSubnet, "10.97.0.0/16");
});

read("accepts the edges", () => {
  for (const subnet of ["10.0.0.0/8", "172.31.255.240/28", "100.64.0.0/10", "192.168.0.0/16"]) {
    const args = ["--subnet", subnet, "--service-subnet", "172.16.0.0/16"];
    assert.is(readConfiguration(args, {}).instance.subnet, subnet);
  }
  const run = `/${"r".repeat(59)}`;
  assert.is(readConfiguration(["--run", run], {}).instance.run, run);
});

read.run();
