/** The objects that a client wants to see: label and field selector together. */
import type { StoredObject } from "../store/watch-event.ts";
import {
  type FieldRequirement,
  matchesFields,
  parseFieldSelector,
  selectableFields,
} from "./field-selector.ts";
import { type LabelRequirement, matchesLabels, parseLabelSelector } from "./label-selector.ts";
import type { Query } from "./query.ts";

/** Made from `labelSelector` and `fieldSelector`. */
export class Selection {
  readonly #labels: readonly LabelRequirement[];
  readonly #fields: readonly FieldRequirement[];

  constructor(query: Query, kind: string) {
    this.#labels = parseLabelSelector(query.text("labelSelector") ?? "");
    this.#fields = parseFieldSelector(query.text("fieldSelector") ?? "", selectableFields(kind));
  }

  /** Whether every object is wanted. */
  get isEverything(): boolean {
    return this.#labels.length === 0 && this.#fields.length === 0;
  }

  matches(object: StoredObject): boolean {
    return (
      matchesLabels(this.#labels, object.metadata.labels ?? {}) &&
      matchesFields(this.#fields, object)
    );
  }
}
