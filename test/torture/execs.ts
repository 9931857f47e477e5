// Many commands at once, each with its own exit code (security: C-09).
import type { ArmedPods } from "../support/armed-daemon.ts";
import { execByApi } from "../support/exec-by-api.ts";
import { sleeper } from "../support/pods.ts";
import { type Figures, share } from "./figures.ts";

const count = share(10_000);
const atOnce = 32;

export async function execs(figures: Figures, { pods }: ArmedPods): Promise<void> {
  await pods.up("target", { containers: [sleeper("main")] });
  const wrong: unknown[] = [];
  let next = 0;
  const begin = performance.now();
  const worker = async (): Promise<void> => {
    while (next < count) {
      const number = next++;
      const wanted = number % 256;
      const command = ["sh", "-c", `echo ${number}; exit ${wanted}`];
      const { code, text } = await execByApi(pods.client, "target", command).catch(
        (error: unknown) => ({ code: -1, text: String(error) }),
      );
      if (code !== wanted || text !== `${number}\n`) wrong.push({ number, code, text });
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
