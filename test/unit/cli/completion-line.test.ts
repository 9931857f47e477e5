import { suite } from "uvu";
import * as assert from "uvu/assert";
import { completionLine } from "../../../src/cli/completion-line.ts";

const line = suite("completionLine()");

const read = (text: string): ReturnType<typeof completionLine> => completionLine(text.split(" "));

line("knows whether a resource or a name comes next", () => {
  assert.is(read("get ").type, undefined);
  assert.is(read("get po").type, undefined);
  assert.is(read("get pods ").type, "pods");
  assert.is(read("describe cm set").type, "cm");
  assert.equal([read("delete pod/w").type, read("delete pod/w").isSlashed], ["pod", true]);
  assert.is(read("-n shop get pods ").type, "pods");
  assert.is(read("rollout status ").type, undefined);
  assert.is(read("rollout status deploy ").type, "deploy");
  assert.equal(read("set env -c main deploy web ").taken, ["deploy", "web"]);
});

line("finds the namespace in each of its forms, and what is typed already", () => {
  for (const text of ["get -n shop pods ", "get --namespace=shop pods ", "-n shop get pods "]) {
    assert.equal([read(text).namespace, read(text).type], ["shop", "pods"], text);
  }
  assert.equal(read("delete pods web -l app=x db ").taken, ["pods", "web", "db"]);
});

line.run();
