/**
 * Field selectors: `path=value`, `path==value` and `path!=value`, joined by commas; `\,` `\=` and
 * `\\` stand for themselves. A field that an object does not have is the empty text.
 * Source: Kubernetes, "Field Selectors"; apimachinery's fields package for the escapes.
 */
import { storedEventField } from "../spec/newer-event.ts";
import { badRequest } from "./problem.ts";

export interface FieldRequirement {
  readonly field: string;
  readonly isEqual: boolean;
  readonly value: string;
}

const objectFields = ["metadata.name", "metadata.namespace"] as const;

/** Fields that can be selected by besides those of every kind. */
const furtherFields: Readonly<Record<string, readonly string[]>> = {
  Pod: [
    "spec.hostNetwork",
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "status.nominatedNodeName",
    "status.phase",
    "status.podIP",
  ],
  Event: [
    "involvedObject.apiVersion",
    "involvedObject.fieldPath",
    "involvedObject.kind",
    "involvedObject.name",
    "involvedObject.namespace",
    "involvedObject.resourceVersion",
    "involvedObject.uid",
    "reason",
    "reportingComponent",
    "source",
    "type",
  ],
  Namespace: ["status.phase"],
  Node: ["spec.unschedulable"],
  Secret: ["type"],
};

/** Fields that objects of a kind can be selected by. */
export function selectableFields(kind: string): readonly string[] {
  return [...objectFields, ...(furtherFields[kind] ?? [])];
}

/** @throws RequestProblem 400. */
export function parseFieldSelector(
  text: string,
  fields: readonly string[],
): readonly FieldRequirement[] {
  return splitTerms(text).map((term) => {
    const match = /^((?:[^=!\\]|\\.)*?)(==|=|!=)((?:[^=\\]|\\[,=\\])*)$/s.exec(term);
    if (match === null) {
      throw badRequest(`fieldSelector "${text}": must be field=value or field!=value: "${term}"`);
    }
    const [, asked = "", operator, value = ""] = match;
    const isEvent = fields.includes("involvedObject.name");
    const field = isEvent ? storedEventField(asked) : asked;
    if (!fields.includes(field)) {
      throw badRequest(
        `fieldSelector "${text}": field "${field}" cannot be selected by: use ${fields.join(", ")}`,
      );
    }
    return { field, isEqual: operator !== "!=", value: value.replaceAll(/\\(.)/gs, "$1") };
  });
}

/** Splits at commas that are not escaped; empty terms vanish. */
function splitTerms(text: string): readonly string[] {
  const terms = text.match(/(?:[^,\\]|\\.?)+/gs) ?? [];
  return terms.filter((term) => term !== "");
}

/** Whether an object meets every requirement. */
export function matchesFields(requirements: readonly FieldRequirement[], object: unknown): boolean {
  return requirements.every(
    ({ field, isEqual, value }) => (valueAt(object, field) === value) === isEqual,
  );
}

/** Fields that count as false when they are not written. */
const flags: readonly string[] = ["spec.hostNetwork", "spec.unschedulable"];

function valueAt(object: unknown, field: string): string {
  if (field === "source") return valueAt(object, "source.component");
  let value = object;
  for (const name of field.split(".")) {
    if (typeof value !== "object" || value === null) return "";
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  if (typeof value === "boolean" || flags.includes(field)) return String(value === true);
  return typeof value === "string" ? value : "";
}
