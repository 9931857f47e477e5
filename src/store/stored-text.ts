/** An object as it is stored: its JSON, which is read when somebody first asks for it, and once. */
export class StoredText {
  readonly text: string;
  #object: unknown;

  constructor(text: string) {
    this.text = text;
  }

  /** The same one for all who ask: nobody changes it. T is what the caller stored. */
  object<T>(): T {
    this.#object ??= JSON.parse(this.text);
    return this.#object as T;
  }
}
