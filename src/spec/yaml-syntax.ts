/**
 * YAML text to syntax trees, with every scalar left as its text.
 *
 * Invariant: hostile text costs bounded time. The parser of package `yaml` is quadratic on deep nesting (3 MB of
 * "[" took 22 s), so lexer, parser and composer are driven token by token and stopped at the limits.
 */

import { Composer, type Document, Lexer, type LineCounter, Parser } from "yaml";

const MAX_BYTES = 3 * 1024 * 1024;
const MAX_TOKENS = 200_000;
const MAX_DOCUMENTS = 1000;
const MAX_DEPTH = 100;
/** The parser slows down with every error that it recovers from. */
const MAX_ERRORS = 100;
/** Per level the parser's stack holds at most a collection and a scalar. */
const MAX_PARSER_STACK = 2 * MAX_DEPTH + 10;

/** Why and where (offset in UTF-16 units) parsing was given up. */
export interface ParsingStop {
  readonly message: string;
  readonly offset: number;
}

/**
 * Parses all documents of a text; their syntax errors stay in them.
 * @param lines - is told every line start, for `linePos`
 * @returns where and why it stopped when a limit was met
 */
export function parseYamlSyntax(text: string, lines: LineCounter): Document.Parsed[] | ParsingStop {
  // "failsafe" leaves every scalar as its text; prettyErrors would print source lines into messages.
  const composer = new Composer({
    version: "1.1",
    schema: "failsafe",
    // The parser compares each key with each other; yaml-document.ts uses a map.
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: "silent",
  });
  const parser = new Parser(lines.addNewLine);
  lines.addNewLine(0);
  if (Buffer.byteLength(text) > MAX_BYTES) {
    return { message: "is larger than 3 MiB", offset: 0 };
  }
  const documents: Document.Parsed[] = [];
  let tokens = 0;
  let errors = 0;
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) {
      errors += token.type === "error" ? 1 : 0;
      documents.push(...composer.next(token));
    }
    if (errors > MAX_ERRORS) {
      break;
    }
    tokens++;
    if (parser.stack.length > MAX_PARSER_STACK) {
      return { message: `is nested deeper than ${MAX_DEPTH} levels`, offset: parser.offset };
    }
    if (tokens > MAX_TOKENS || documents.length > MAX_DOCUMENTS) {
      const limit = tokens > MAX_TOKENS ? `${MAX_TOKENS} tokens` : `${MAX_DOCUMENTS} documents`;
      return { message: `has more than ${limit}: split it`, offset: parser.offset };
    }
  }
  for (const token of parser.end()) {
    documents.push(...composer.next(token));
  }
  documents.push(...composer.end(true, text.length));
  return documents;
}
