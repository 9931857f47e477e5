import { suite } from "uvu";
import * as assert from "uvu/assert";
import { takeTurns } from "../../bench/rounds.ts";

const turns = suite("takeTurns()");

turns("lets another one begin in each round", async () => {
  const order: string[] = [];
  const contestants = ["a", "b", "c"].map((who) => ({
    who,
    turn: async () => order.push(who),
  }));
  await takeTurns(contestants, { rounds: 3, warmRounds: 0 });
  assert.is(order.join(""), "abcbcacab");
});

turns("throws the values of warm rounds away", async () => {
  const turn = async (round: number): Promise<number> => round;
  const { values } = await takeTurns([{ who: "a", turn }], { rounds: 2, warmRounds: 3 });
  assert.equal(values.get("a"), [3, 4]);
});

turns("drops who fails, with the reason, and goes on with the others", async () => {
  let calls = 0;
  const { values, failures } = await takeTurns(
    [
      {
        who: "weak",
        turn: async (round) => {
          calls++;
          if (round === 1) throw new Error("out of breath");
          return round;
        },
      },
      { who: "strong", turn: async (round) => round },
    ],
    { rounds: 3, warmRounds: 0 },
  );
  assert.equal([...failures], [["weak", "out of breath"]]);
  assert.is(values.has("weak"), false);
  assert.equal(values.get("strong"), [0, 1, 2]);
  assert.is(calls, 2);
});

turns.run();
