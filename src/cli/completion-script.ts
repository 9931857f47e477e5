/**
 * Completion scripts, made from the tree of commands. Words of the tree are in the script, so that
 * Tab costs no start of Node.js; only names of objects and images are asked for, with the line so far.
 */
import type { Argument, Command, Option } from "commander";
import { PodError } from "../base/errors.ts";

interface Node {
  /** "nspod", "nspod image ls". */
  readonly path: string;
  readonly description: string;
  readonly commands: readonly { readonly name: string; readonly description: string }[];
  readonly options: readonly OptionWords[];
  /** What arguments are: resources and names of their objects, names of pods or images, one of a list, or files. */
  readonly dynamic: "objects" | "pods" | "images" | undefined;
  readonly choices: readonly string[];
  readonly children: readonly Node[];
}

interface OptionWords {
  readonly long: string;
  readonly short: string | undefined;
  readonly takesValue: boolean;
  readonly choices: readonly string[];
  readonly description: string;
}

const objectArguments: ReadonlySet<string> = new Set(["object", "resource"]);
const podArguments: ReadonlySet<string> = new Set(["pod"]);
const imageArguments: ReadonlySet<string> = new Set(["image", "source"]);

/** @throws PodError InvalidArgument for an unknown shell. */
export function completionScript(program: Command, shell: string): string {
  const root = describe(program, "");
  const nodes = flatten(root);
  switch (shell) {
    case "bash":
      return bashScript(nodes);
    case "zsh":
      return zshScript(nodes);
    case "fish":
      return fishScript(root);
    default:
      throw new PodError("InvalidArgument", `No completion for shell "${shell}"`);
  }
}

function describe(command: Command, parent: string): Node {
  const path = parent === "" ? command.name() : `${parent} ${command.name()}`;
  const children = command.commands.filter((child) => !isHidden(child));
  const names = command.registeredArguments.map((argument: Argument) => argument.name());
  return {
    path,
    description: command.description(),
    commands: children.map((child) => ({ name: child.name(), description: child.description() })),
    options: command.options.filter((option) => !option.hidden).map(optionWords),
    dynamic: dynamicOf(command.name(), names),
    choices: command.registeredArguments.flatMap((argument) => argument.argChoices ?? []),
    children: children.map((child) => describe(child, path)),
  };
}

function dynamicOf(name: string, argumentNames: readonly string[]): Node["dynamic"] {
  if (name === "ps") return "pods";
  if (argumentNames.some((each) => objectArguments.has(each))) return "objects";
  if (argumentNames.some((each) => podArguments.has(each))) return "pods";
  return argumentNames.some((each) => imageArguments.has(each)) ? "images" : undefined;
}

function optionWords(option: Option): OptionWords {
  return {
    long: option.long ?? "",
    short: option.short,
    takesValue: option.required || option.optional,
    choices: option.argChoices ?? [],
    description: option.description,
  };
}

function isHidden(command: Command): boolean {
  return command.name().startsWith("__");
}

function flatten(node: Node): readonly Node[] {
  return [node, ...node.children.flatMap(flatten)];
}

function words(option: OptionWords): readonly string[] {
  return [option.long, option.short].filter(
    (word) => word !== undefined && word !== "",
  ) as string[];
}

/** The words in front of the cursor, reduced to the path of a command; the same loop in bash and zsh. */
function pathLoop(nodes: readonly Node[]): string {
  const paths = nodes.filter(({ path }) => path !== "nspod").map(({ path }) => `"${path}"`);
  return [
    `  local path=nspod word`,
    `  for word in "\${before[@]}"; do`,
    `    case "$path $word" in`,
    `      ${paths.join(" | ")}) path="$path $word" ;;`,
    `    esac`,
    `  done`,
  ].join("\n");
}

function valueCases(nodes: readonly Node[]): readonly string[] {
  const cases = new Map<string, string>();
  for (const node of nodes) {
    for (const option of node.options.filter(({ takesValue }) => takesValue)) {
      const pattern = words(option)
        .map((word) => `"${node.path} ${word}"`)
        .join(" | ");
      cases.set(pattern, option.choices.join(" "));
    }
  }
  return [...cases].map(([pattern, choices]) => `    ${pattern}) values="${choices}"; takes=1 ;;`);
}

function wordCases(nodes: readonly Node[], rootOptions: readonly string[]): readonly string[] {
  return nodes.map((node) => {
    const own = node.options.flatMap(words);
    const options = [...new Set([...own, ...rootOptions, "--help"])].join(" ");
    const plain = [...node.commands.map(({ name }) => name), ...node.choices];
    return `    "${node.path}") options="${options}"; plain="${plain.join(" ")}"; ask="${node.dynamic ?? ""}" ;;`;
  });
}

function tables(nodes: readonly Node[]): string {
  const rootOptions = nodes[0]?.options.filter(({ takesValue }) => takesValue).flatMap(words) ?? [];
  const rootValues = rootOptions.map((word) => `*" ${word}"`).join(" | ");
  return [
    `  local values="" takes="" options="" plain="" ask=""`,
    `  case "$path $previous" in`,
    ...valueCases(nodes),
    `    ${rootValues}) takes=1 ;;`,
    `  esac`,
    `  case "$path" in`,
    ...wordCases(nodes, rootOptions),
    `  esac`,
  ].join("\n");
}

function bashScript(nodes: readonly Node[]): string {
  return `# bash completion for nspod; load it with: source <(nspod completion bash)
_nspod() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  local before=("\${COMP_WORDS[@]:1:COMP_CWORD-1}")
${pathLoop(nodes)}
${tables(nodes)}
  COMPREPLY=()
  if [[ -n $takes ]]; then
    [[ -n $values ]] && mapfile -t COMPREPLY < <(compgen -W "$values" -- "$current")
    return
  fi
  if [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
    return
  fi
  [[ -n $ask ]] && plain="$plain $(nspod __complete "$ask" -- "\${before[@]}" "$current" 2>/dev/null)"
  mapfile -t COMPREPLY < <(compgen -W "$plain" -- "$current")
}
# Words that are none of ours are files.
complete -o default -o bashdefault -F _nspod nspod`;
}

function zshScript(nodes: readonly Node[]): string {
  return `#compdef nspod
# zsh completion for nspod; put it into a folder of $fpath as "_nspod".
_nspod() {
  local current="\${words[CURRENT]}" previous="\${words[CURRENT-1]}"
  local -a before
  before=("\${(@)words[2,CURRENT-1]}")
${pathLoop(nodes)}
${tables(nodes)}
  if [[ -n $takes ]]; then
    if [[ -n $values ]]; then compadd -- \${=values}; else _files; fi
    return
  fi
  if [[ $current == -* ]]; then
    compadd -- \${=options}
    return
  fi
  [[ -n $ask ]] && plain="$plain $(nspod __complete "$ask" -- "\${before[@]}" "$current" 2>/dev/null)"
  if [[ -n \${plain// /} ]]; then compadd -- \${=plain}; else _files; fi
}
if [[ $funcstack[1] == _nspod ]]; then _nspod "$@"; else compdef _nspod nspod; fi`;
}

function fishScript(root: Node): string {
  const lines = ["# fish completion for nspod", ...fishNode(root, [])];
  return lines.join("\n");
}

/** One `complete` line per word, each with the condition that its command stands on the line. */
function fishNode(node: Node, seen: readonly string[]): readonly string[] {
  const names = node.commands.map(({ name }) => name);
  const is = seen.map((word) => `__fish_seen_subcommand_from ${word}`);
  const isNot = names.length > 0 ? [`not __fish_seen_subcommand_from ${names.join(" ")}`] : [];
  const condition = (parts: readonly string[]): string =>
    parts.length === 0 ? "" : ` -n ${fishQuote(parts.join("; and "))}`;
  const start = "complete -c nspod";
  return [
    ...node.commands.map(
      ({ name, description }) =>
        `${start}${condition([...is, ...isNot])} -f -a ${name} -d ${fishQuote(description)}`,
    ),
    ...node.options.map((option) => {
      const short = option.short === undefined ? "" : ` -s ${option.short.slice(1)}`;
      const value = option.takesValue ? " -r" : "";
      const choices =
        option.choices.length > 0 ? ` -f -a ${fishQuote(option.choices.join(" "))}` : "";
      const long = option.long === "" ? "" : ` -l ${option.long.slice(2)}`;
      return `${start}${condition(is)}${short}${long}${value}${choices} -d ${fishQuote(option.description)}`;
    }),
    ...node.choices.map((choice) => `${start}${condition(is)} -f -a ${choice}`),
    ...(node.dynamic === undefined
      ? []
      : [
          `${start}${condition(is)} -f -a ${fishQuote(`(nspod __complete ${node.dynamic} -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)`)}`,
        ]),
    ...node.children.flatMap((child) =>
      fishNode(child, [...seen, child.path.slice(child.path.lastIndexOf(" ") + 1)]),
    ),
  ];
}

function fishQuote(text: string): string {
  return `'${text.replace(/['\\]/g, "\\$&")}'`;
}
