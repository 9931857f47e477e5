/**
 * What may reach a terminal. Names, events, errors and log lines come from images and containers:
 * a control byte in them could move the cursor, rewrite lines or answer questions for the user
 * (CVE-2021-25743), so on a terminal they are printed as visible escapes. Into a file or pipe
 * everything goes as it is.
 */

/**
 * C0 and C1 controls (tab and newline are harmless, DEL is not) and the bidirectional overrides
 * that make text read in another order than it is.
 */
const harmful = /[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g;

/** Colours and weights only: `ESC [ numbers m`. */
const colour = /\x1b\[[0-9;]{0,32}m/g;

/** Text with every control character made visible, e.g. ESC → `\x1b`. */
export function visible(text: string): string {
  return text.replace(harmful, (letter) => {
    const code = letter.charCodeAt(0);
    return code < 0x100
      ? `\\x${code.toString(16).padStart(2, "0")}`
      : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}

/**
 * A log line for a terminal: colours stay (and are ended with the line), everything else that
 * could harm becomes visible. A carriage return before the end of the line is dropped.
 */
export function visibleLog(line: string): string {
  const text = line.endsWith("\r") ? line.slice(0, -1) : line;
  let out = "";
  let at = 0;
  let isColoured = false;
  for (const match of text.matchAll(colour)) {
    out += visible(text.slice(at, match.index)) + match[0];
    at = match.index + match[0].length;
    isColoured = true;
  }
  return out + visible(text.slice(at)) + (isColoured ? "\x1b[0m" : "");
}
