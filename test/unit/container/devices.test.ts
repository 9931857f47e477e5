// deviceRules() and listHostDevices().
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { deviceRules, listHostDevices } from "../../../src/container/devices.ts";

const devices = suite("devices");

devices("allow the six nodes, terminals, and nothing that is not listed", () => {
  const rules = deviceRules({ privileged: false, mayMakeNodes: false });
  assert.equal(
    rules.map(({ type, major, minor, access }) => `${type} ${major}:${minor ?? "*"} ${access}`),
    [
      "c 1:3 rwm",
      "c 1:5 rwm",
      "c 1:7 rwm",
      "c 1:8 rwm",
      "c 1:9 rwm",
      "c 5:0 rwm",
      "c 136:* rwm",
      "c 5:2 rwm",
    ],
  );
});

devices("let CAP_MKNOD make any node, but not open it", () => {
  const [first, ...others] = deviceRules({ privileged: false, mayMakeNodes: true });
  assert.equal(first, { type: "a", access: "m" });
  assert.equal(others, deviceRules({ privileged: false, mayMakeNodes: false }));
});

devices("list the host's nodes by their numbers, without its terminals", () => {
  const found = listHostDevices();
  const nothing = found.find(({ path }) => path === "null");
  assert.equal([nothing?.type, nothing?.major, nothing?.minor], ["c", 1, 3]);
  assert.not(found.some(({ path }) => /^(?:pts|shm|mqueue)\//.test(path) || path === "console"));
});

devices("ignore what is no device node", () => {
  const folder = mkdtempSync(join(tmpdir(), "nspod-dev-"));
  try {
    writeFileSync(join(folder, "file"), "");
    symlinkSync("/dev/null", join(folder, "link"));
    mkdirSync(join(folder, "deep"));
    assert.equal(listHostDevices(folder), []);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

devices.run();
