/**
 * What a plain (unquoted) YAML scalar means to Kubernetes.
 *
 * Kubernetes reads manifests with go-yaml v2 and turns them into JSON. That is YAML 1.1 with differences: `0644`
 * and `0o644` are 420, `yes`, `on` and `y` are true, but `12:30` is no base-60 number and a date stays text.
 * The `yaml` package's own 1.1 schema differs in these points, so it only parses the structure and this file
 * resolves the scalars. Source: gopkg.in/yaml.v2 resolve.go (the table), sigs.k8s.io/yaml.
 */

/** JSON value of a scalar; a bigint where a double would lose digits. */
export type ScalarValue = string | number | bigint | boolean | null;

const NULLS: ReadonlySet<string> = new Set(["", "~", "null", "Null", "NULL"]);
const TRUE = /^(?:y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON)$/;
const FALSE = /^(?:n|N|no|No|NO|false|False|FALSE|off|Off|OFF)$/;
const INTEGER = /^([+-]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+|0[0-7]+|0|[1-9][0-9]*)$/;
const FLOAT = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;
const INFINITY = /^([+-]?)\.(?:inf|Inf|INF)$/;
const NOT_A_NUMBER = /^\.(?:nan|NaN|NAN)$/;
/** Longest number that is looked at; longer digits are text. */
const MAX_NUMBER = 400;

/** Resolves one plain scalar by its source text. */
export function resolvePlainScalar(source: string): ScalarValue {
  if (NULLS.has(source)) {
    return null;
  }
  if (TRUE.test(source)) {
    return true;
  }
  if (FALSE.test(source)) {
    return false;
  }
  if (source.length > MAX_NUMBER || !/^[-+.0-9]/.test(source)) {
    return source;
  }
  return readNumber(source.replaceAll("_", "")) ?? source;
}

function readNumber(text: string): number | bigint | undefined {
  const integer = INTEGER.exec(text);
  if (integer !== null) {
    const [, sign = "", digits = "0"] = integer;
    // BigInt() reads 0x, 0o and 0b; the old octal form needs its "o".
    const magnitude = BigInt(
      /^0[0-7]/.test(digits) ? `0o${digits.slice(1)}` : digits.toLowerCase(),
    );
    const value = sign === "-" ? -magnitude : magnitude;
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }
  if (FLOAT.test(text)) {
    return Number(text);
  }
  const infinity = INFINITY.exec(text);
  if (infinity !== null) {
    return infinity[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }
  return NOT_A_NUMBER.test(text) ? Number.NaN : undefined;
}
