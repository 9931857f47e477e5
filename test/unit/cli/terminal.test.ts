import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { visible, visibleLog } from "../../../src/cli/terminal.ts";
import { fakeScreen } from "./fake-daemon.ts";

const terminal = suite("visible(), visibleLog()");

terminal("show what could move the cursor, ring or retitle", () => {
  assert.is(visible("a\x1b]0;title\x07b\rc\x7f\x9b2J"), "a\\x1b]0;title\\x07b\\x0dc\\x7f\\x9b2J");
  assert.is(visible("x\u202egpj.exe"), "x\\u202egpj.exe");
  assert.is(visible("tab\tline\nok ä €"), "tab\tline\nok ä €");
});

terminal("let colours of a log line pass and end them with the line", () => {
  assert.is(visibleLog("\x1b[1;31merror\x1b[0m\r"), "\x1b[1;31merror\x1b[0m\x1b[0m");
  assert.is(visibleLog("\x1b[2Jgone"), "\\x1b[2Jgone");
  assert.is(visibleLog("50%\r60%"), "50%\\x0d60%");
});

terminal("leave nothing harmful in any text", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const shown = visibleLog(text).replace(/\x1b\[[0-9;]*m/g, "");
      assert.not.match(shown, /[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/);
    }),
  );
});

terminal.run();

const screens = suite("Screen");

screens("escapes on a terminal and nowhere else", () => {
  const file = fakeScreen(false);
  file.screen.print("a\x1b[2J");
  file.screen.printLog("b\x07");
  assert.is(file.printed.out, "a\x1b[2J\nb\x07\n");
  const tty = fakeScreen(true);
  tty.screen.print("a\x1b[2J");
  tty.screen.printLog("b\x07");
  tty.screen.printLog("c\x07", "", true);
  tty.screen.remark("d\x07");
  assert.is(tty.printed.out, "a\\x1b[2J\nb\\x07\nc\x07\n");
  assert.is(tty.printed.err, "d\\x07\n");
});

screens.run();
