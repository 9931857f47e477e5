import { readFileSync } from "node:fs";
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  hasCapability,
  parseCgroup,
  parseFilesystems,
  parseMeminfo,
  parseStat,
  parseStatus,
  readProc,
} from "../../../src/sys/procfs.ts";

const stat = suite("parseStat()");

stat("reads this process", () => {
  const own = parseStat(readFileSync("/proc/self/stat", "utf8"));
  assert.is(own?.pid, process.pid);
  assert.is(own?.parentPid, process.ppid);
  assert.ok((own?.startTicks ?? 0) > 0);
});

stat("is not fooled by a command that looks like fields", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ maxLength: 15 }),
        fc.constantFrom(") Z 1 (", "a) R 2 3 4", ")", "(", ""),
      ),
      fc.nat(4_194_304),
      fc.nat(),
      (command, parentPid, startTicks) => {
        const fields = [
          "S",
          parentPid,
          7,
          8,
          ...Array.from({ length: 15 }, () => 0),
          startTicks,
          0,
        ];
        assert.equal(parseStat(`42 (${command}) ${fields.join(" ")}\n`), {
          pid: 42,
          command,
          state: "S",
          parentPid,
          processGroup: 7,
          session: 8,
          startTicks,
        });
      },
    ),
  );
});

stat("gives undefined for a text that was cut short", () => {
  fc.assert(
    fc.property(fc.nat(60), (length) => {
      const text = "42 (sh) S 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 777 0";
      const cut = parseStat(text.slice(0, length));
      assert.ok(cut === undefined || cut.pid === 42);
    }),
  );
  assert.is(parseStat(""), undefined);
});

stat.run();

const status = suite("parseStatus()");

status("reads ids, capabilities, pids of all namespaces and flags", () => {
  const read = parseStatus(
    [
      "Name:\tnginx: worker",
      "Uid:\t0\t101\t101\t101",
      "Gid:\t5\t5\t5\t5",
      "Groups:\t5 27 ",
      "NSpid:\t4242\t17",
      "VmRSS:\t     900 kB",
      "CapInh:\t0000000000000000",
      "CapPrm:\t00000000a80425fb",
      "CapEff:\t00000000a80425fb",
      "CapBnd:\t000001ffffffffff",
      "CapAmb:\t0000000000000000",
      "NoNewPrivs:\t1",
      "Seccomp:\t2",
      "",
    ].join("\n"),
  );
  assert.is(read?.name, "nginx: worker");
  assert.equal(read?.uids, [0, 101, 101, 101]);
  assert.equal(read?.groups, [5, 27]);
  assert.equal(read?.namespacePids, [4242, 17]);
  assert.is(read?.residentBytes, 921_600);
  assert.is(read?.noNewPrivs, true);
  assert.is(read?.seccomp, 2);
  const effective = read?.capabilities.effective ?? 0n;
  assert.ok(hasCapability(effective, 0) && hasCapability(effective, 31));
  assert.not(hasCapability(effective, 21));
  assert.ok(hasCapability(read?.capabilities.bounding ?? 0n, 40));
});

status("reads this process", () => {
  assert.equal(parseStatus(readProc("/proc/self/status") ?? "")?.uids[1], process.geteuid?.());
  assert.is(readProc("/proc/self/no such file"), undefined);
});

status("never throws", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      parseStatus(`Name: x\n${text}`);
      parseStat(text);
      parseMeminfo(text);
      parseCgroup(text);
      parseFilesystems(text);
    }),
  );
});

status.run();

const others = suite("parseCgroup(), parseMeminfo(), parseFilesystems()");

others("tell v1 hierarchies from v2, and keep colons of a path", () => {
  assert.equal(parseCgroup("4:cpu,cpuacct:/a\n1:name=systemd:/\n0::/nspod/pod:x\n"), [
    { hierarchy: 4, controllers: ["cpu", "cpuacct"], path: "/a" },
    { hierarchy: 1, controllers: ["name=systemd"], path: "/" },
    { hierarchy: 0, controllers: [], path: "/nspod/pod:x" },
  ]);
});

others("count memory in bytes", () => {
  assert.equal(parseMeminfo("MemTotal:  2048 kB\nMemAvailable: 1024 kB\nHugePages_Total: 3\n"), {
    totalBytes: 2_097_152,
    availableBytes: 1_048_576,
    swapTotalBytes: 0,
  });
});

others("list file systems with and without a device", () => {
  assert.equal(
    [...parseFilesystems("nodev\tproc\n\text4\nnodev\toverlay\n")],
    ["proc", "ext4", "overlay"],
  );
});

others.run();
