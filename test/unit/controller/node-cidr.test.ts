import { suite } from "uvu";
import * as assert from "uvu/assert";
import { freeCidr } from "../../../src/controller/node-cidr.ts";

const free = suite("freeCidr()");

free("gives the first /24 that no node has", () => {
  assert.is(freeCidr("10.87.0.0/16", []), "10.87.0.0/24");
  assert.is(freeCidr("10.87.0.0/16", ["10.87.0.0/24", "10.87.2.0/24"]), "10.87.1.0/24");
});

free("leaves out what is a part of another prefix, and larger ones", () => {
  assert.is(freeCidr("10.87.0.0/16", ["10.87.0.0/23"]), "10.87.2.0/24");
  assert.is(freeCidr("10.87.0.0/16", ["10.87.0.128/25"]), "10.87.1.0/24");
});

free("has none when all are taken, and the whole of a small one", () => {
  assert.is(freeCidr("10.87.0.0/23", ["10.87.0.0/24", "10.87.1.0/24"]), undefined);
  assert.is(freeCidr("10.87.0.0/26", []), "10.87.0.0/26");
  assert.is(freeCidr("10.87.0.0/26", ["10.87.0.0/26"]), undefined);
});

free.run();
