// exchange-loop.ts A B: exchanges two names without end, as a container does that wants to be caught in the middle.
import { K } from "../../src/sys/abi.ts";
import { run } from "../../src/sys/ffi.ts";
import { Program } from "../../src/sys/program.ts";

const [a = "", b = ""] = process.argv.slice(2);
const program = new Program("exchange");
for (let count = 0; count < 1000; count++) {
  program.call("renameat2", [K.AT_FDCWD, a, K.AT_FDCWD, b, K.RENAME_EXCHANGE]);
}
process.stdout.write("ready\n");
for (;;) run("Cannot exchange names", program);
