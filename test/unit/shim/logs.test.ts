import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker as Thread } from "node:worker_threads";
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { closeLogFiles, openLogFiles } from "../../../src/shim/log-files.ts";
import { formatLogLine, type LogLine } from "../../../src/shim/log-line.ts";
import { type LogOptions, readLogs } from "../../../src/shim/logs.ts";
import { withDeadline } from "../../support/with-deadline.ts";
import { logLine } from "./log-line-arbitrary.ts";

const logs = suite("readLogs()");
let folder = "";
let path = "";

logs.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), "nspod-logs-"));
  path = join(folder, "0.log");
});
logs.after.each(() => {
  rmSync(folder, { recursive: true, force: true });
});

function line(content: string, partial = false, stream: "stdout" | "stderr" = "stdout"): string {
  return `2026-01-02T03:04:05.000000001Z ${stream} ${partial ? "P" : "F"} ${content}\n`;
}

async function read(options: LogOptions = {}): Promise<string[]> {
  const found: string[] = [];
  for await (const each of readLogs(path, options)) {
    found.push(each.content.toString("latin1") + (each.partial ? "" : "$"));
  }
  return found;
}

logs("reads rotated files first, and leaves out what is damaged or torn", async () => {
  writeFileSync(`${path}.2`, line("one"));
  writeFileSync(`${path}.1`, `${line("two")}garbage\n${line("three", true)}`);
  writeFileSync(path, `${line("four")}2026-01-02T03:04:05.0Z stdout F to`);
  assert.equal(await read(), ["one$", "two$", "three", "four$"]);
});

logs("reads all files while a rotation has renamed some of them", async () => {
  writeFileSync(`${path}.3`, line("one"));
  writeFileSync(`${path}.2`, line("two"));
  writeFileSync(path, line("three"));
  assert.equal(await read(), ["one$", "two$", "three$"]);
});

logs(
  "finds every file once, whenever it looks at a log that is being rotated",
  withDeadline(30_000, async () => {
    writeFileSync(path, "0");
    const rotating = new Thread(new URL("rotating-log.ts", import.meta.url), {
      workerData: { path, rotations: 1_000, files: 5 },
    });
    let isOver = false;
    rotating.once("exit", () => {
      isOver = true;
    });
    let looks = 0;
    while (!isOver) {
      const files = await openLogFiles(path);
      // The newest one may not have its number yet.
      const found = (await Promise.all(files.map(({ handle }) => handle.readFile("utf8"))))
        .filter((text) => text !== "")
        .map(Number);
      await closeLogFiles(files);
      assert.equal(
        found,
        found.map((_, index) => (found[0] ?? 0) + index),
      );
      looks++;
    }
    assert.ok(looks > 0);
  }),
);

logs("reads plain files only", async () => {
  const other = join(folder, "other");
  writeFileSync(other, line("other"));
  const kinds: readonly (() => void)[] = [
    () => symlinkSync(other, path),
    () => execFileSync("mkfifo", [path]),
    () => mkdirSync(path),
  ];
  for (const make of kinds) {
    make();
    for (const options of [{}, { tailLines: 1 }]) {
      let message = "";
      await read(options).catch((error: Error) => {
        message = error.message;
      });
      assert.is(message, `Cannot read log "${path}": it is no plain file`);
    }
    rmSync(path, { recursive: true });
  }
});

logs("gives nothing while there is no file", async () => {
  assert.equal(await read(), []);
  assert.equal(await read({ tailLines: 3 }), []);
});

logs("tail counts a line in parts once, across files", async () => {
  writeFileSync(`${path}.1`, line("a") + line("b", true));
  writeFileSync(path, line("b2", true) + line("b3") + line("c", true));
  assert.equal(await read({ tailLines: 0 }), []);
  assert.equal(await read({ tailLines: 1 }), ["c"]);
  assert.equal(await read({ tailLines: 2 }), ["b", "b2", "b3$", "c"]);
  assert.equal(await read({ tailLines: 3 }), ["a$", "b", "b2", "b3$", "c"]);
  assert.equal(await read({ tailLines: 99 }), ["a$", "b", "b2", "b3$", "c"]);
});

logs("tail of whole lines is the end of the log, for any lines and files", async () => {
  const files = fc.array(fc.array(logLine, { maxLength: 5 }), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(files, fc.nat(12), async (content, tailLines) => {
      rmSync(folder, { recursive: true });
      folder = mkdtempSync(join(tmpdir(), "nspod-logs-"));
      path = join(folder, "0.log");
      const whole = content.map((each) => each.map((one) => ({ ...one, partial: false })));
      whole.forEach((each, index) => {
        const number = whole.length - 1 - index;
        const name = number === 0 ? path : `${path}.${number}`;
        writeFileSync(name, Buffer.concat(each.map(formatLogLine)));
      });
      const all = whole.flat();
      const want = tailLines === 0 ? [] : all.slice(-tailLines);
      const found: LogLine[] = [];
      for await (const each of readLogs(path, { tailLines })) found.push(each);
      assert.equal(found.map(hex), want.map(hex));
    }),
    { numRuns: 50 },
  );
});

logs("tail of a long log with long lines", async () => {
  const content = Array.from({ length: 40 }, (_, n) => line(String(n).repeat(8000)));
  writeFileSync(path, content.join(""));
  const found = await read({ tailLines: 12 });
  assert.is(found.length, 12);
  assert.is(found[0], `${"28".repeat(8000)}$`);
});

logs(
  "follows new lines, a torn one when it is whole, and rotations, until the end",
  withDeadline(3000, async () => {
    const end = Promise.withResolvers<void>();
    writeFileSync(path, line("one"));
    const lines = readLogs(path, { follow: true, until: end.promise })[Symbol.asyncIterator]();
    const next = async (): Promise<string | undefined> => {
      const { value } = await lines.next();
      return value?.content.toString();
    };
    assert.is(await next(), "one");
    const second = next();
    const text = line("two");
    appendFileSync(path, text.slice(0, 20));
    appendFileSync(path, text.slice(20));
    assert.is(await second, "two");
    const third = next();
    renameSync(path, `${path}.1`);
    appendFileSync(`${path}.1`, line("three"));
    writeFileSync(path, line("four"));
    assert.is(await third, "three");
    assert.is(await next(), "four");
    // Two rotations at once: the file in the middle was never seen under the current name.
    renameSync(`${path}.1`, `${path}.3`);
    renameSync(path, `${path}.2`);
    writeFileSync(`${path}.1`, line("five"));
    writeFileSync(path, line("six"));
    assert.is(await next(), "five");
    assert.is(await next(), "six");
    appendFileSync(path, line("seven"));
    end.resolve();
    assert.is(await next(), "seven");
    assert.is(await next(), undefined);
  }),
);

logs(
  "follows a log that does not exist yet, and stops at the signal",
  withDeadline(3000, async () => {
    const controller = new AbortController();
    const options = { follow: true, signal: controller.signal };
    const lines = readLogs(path, options)[Symbol.asyncIterator]();
    const first = lines.next();
    writeFileSync(path, line("one"));
    assert.is((await first).value?.content.toString(), "one");
    const last = lines.next();
    controller.abort();
    assert.is((await last).done, true);
  }),
);

logs(
  "a follow ends when its promise is rejected",
  withDeadline(3000, async () => {
    writeFileSync(path, line("one"));
    assert.equal(await read({ follow: true, until: Promise.reject(new Error("gone")) }), ["one$"]);
  }),
);

logs.run();

function hex({ timestamp, stream, content }: LogLine): string {
  return `${timestamp} ${stream} ${content.toString("hex")}`;
}
