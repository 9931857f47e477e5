// Many commands at once, each with its own exit code (security: C-09).
import { podsPath } from "../../src/cli/context.ts";
import { runRemoteSession } from "../../src/cli/remote-session.ts";
import type { ArmedPods } from "../support/armed-daemon.ts";
import { sleeper } from "../support/pods.ts";
import { type Figures, share } from "./figures.ts";

const count = share(10_000);
const atOnce = 32;

export async function execs(figures: Figures, { pods }: ArmedPods): Promise<void> {
  await pods.up("target", { containers: [sleeper("main")] });
  const path = podsPath("default", "target", "exec");
  const wrong: unknown[] = [];
  let next = 0;
  const begin = performance.now();
  const worker = async (): Promise<void> => {
    while (next < count) {
      const number = next++;
      const wanted = number % 256;
      let said = "";
      const stdout = {
        write: (chunk: Uint8Array): boolean => {
          said += Buffer.from(chunk).toString();
          return true;
        },
        once: () => undefined,
      };
      const command = ["sh", "-c", `echo ${number}; exit ${wanted}`];
      const query = { container: "main", command, stdout: true, stderr: true };
      const code = await runRemoteSession(pods.client, path, query, {
        stdout,
        stderr: stdout,
      }).catch((error: unknown) => String(error));
      if (code !== wanted || said !== `${number}\n`) wrong.push({ number, code, said });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  const rate = `${Math.round((count * 1000) / (performance.now() - begin))}/s`;
  figures.add(
    "C-09",
    `commands, ${atOnce} at once`,
    String(count),
    `${next}, ${rate}`,
    next >= count,
  );
  figures.none("C-09", "wrong exit codes or outputs", wrong);
}
