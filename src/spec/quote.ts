/**
 * Untrusted text in messages and paths: short, and without anything that a terminal would obey (CVE-2021-25743).
 */

const LONGEST = 80;

/** Puts text into double quotes, controls escaped, cut at 80 characters. */
export function quote(text: string): string {
  return escapeControls(JSON.stringify(shorten(text).toWellFormed()));
}

/** Cuts text at 80 characters, or at `longest`. */
export function shorten(text: string, longest: number = LONGEST): string {
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
}

/** Writes C0, DEL, C1 and line separators as JSON escapes; the result stays a valid JSON string if it was one. */
export function escapeControls(text: string): string {
  return text.replace(
    // JSON leaves DEL, the C1 controls and the separators alone; terminals do not.
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g,
    (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
