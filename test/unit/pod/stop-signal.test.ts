import { suite } from "uvu";
import * as assert from "uvu/assert";
import { stopSignal } from "../../../src/pod/stop-signal.ts";

const signals = suite("stopSignal()");

signals("reads names and numbers, with SIGTERM for anything else", () => {
  assert.is(stopSignal("SIGQUIT"), 3);
  assert.is(stopSignal("usr1"), 10);
  assert.is(stopSignal("9"), 9);
  assert.is(stopSignal("SIGCLD"), 17);
  for (const text of [undefined, "", "SIGNOPE", "0", "65"]) assert.is(stopSignal(text), 15);
});

signals("counts real-time signals from both ends", () => {
  assert.is(stopSignal("SIGRTMIN"), 34);
  assert.is(stopSignal("SIGRTMIN+3"), 37);
  assert.is(stopSignal("SIGRTMAX"), 64);
  assert.is(stopSignal("SIGRTMAX-14"), 50);
  assert.is(stopSignal("SIGRTMAX+1"), 15);
  assert.is(stopSignal("SIGRTMIN-1"), 15);
});

signals.run();
