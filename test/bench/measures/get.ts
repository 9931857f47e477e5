// The quickest of all commands against a Node that does nothing.
import { type Bench, type Measure, Notes, withNspod } from "../measure.ts";
import { takeTurns } from "../rounds.ts";

export const get: Measure = { name: "get", run };

async function run(bench: Bench): Promise<Notes> {
  const notes = new Notes();
  await withNspod(bench, async (nspod) => {
    const commands = { node: [process.execPath, "-e", "0"], nspod: nspod.command("get", "pods") };
    await nspod.createRunning("one");
    const turns = await takeTurns(
      Object.entries(commands).map(([who, command]) => ({
        who,
        turn: async () => await nspod.room.time(command),
      })),
      { rounds: bench.rounds(25), warmRounds: 3 },
    );
    notes.addTurns("get", turns, (ms) => ms);
    await nspod.delete("one");
  });
  return notes;
}
