import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  codesOf,
  type ErrorKind,
  isPodError,
  kindOfReason,
  PodError,
} from "../../../src/base/errors.ts";

const kinds: readonly ErrorKind[] = [
  "InvalidArgument",
  "NotFound",
  "AlreadyExists",
  "Conflict",
  "FailedPrecondition",
  "PermissionDenied",
  "ResourceExhausted",
  "DeadlineExceeded",
  "Unavailable",
  "Unimplemented",
  "Internal",
];

const errors = suite("PodError");

errors("every kind survives the way through a Kubernetes Status", () => {
  for (const kind of kinds) assert.is(kindOfReason(codesOf(kind).reason), kind);
});

errors("every kind has an HTTP status of an error and a gRPC code of its own", () => {
  for (const kind of kinds) assert.ok(codesOf(kind).http >= 400, kind);
  assert.is(new Set(kinds.map((kind) => codesOf(kind).grpc)).size, kinds.length);
});

errors("is told from other errors by kind", () => {
  const error = new PodError("NotFound", "no such pod");
  assert.ok(isPodError(error));
  assert.ok(isPodError(error, "NotFound"));
  assert.not(isPodError(error, "Internal"));
  assert.not(isPodError(new Error("no such pod")));
});

errors.run();
