/**
 * The one error class of nspod and the one place that maps error kinds to HTTP, gRPC and process
 * exit codes. Kinds follow the canonical gRPC codes that containerd and the CRI use; callers test
 * the kind, never the text.
 *
 * A message is one sentence: what was tried, on which object, why it failed, what would help.
 */

export type ErrorKind =
  | "InvalidArgument"
  | "NotFound"
  | "AlreadyExists"
  | "Conflict"
  | "FailedPrecondition"
  | "PermissionDenied"
  | "ResourceExhausted"
  | "DeadlineExceeded"
  | "Unavailable"
  | "Unimplemented"
  | "Internal";

export interface ErrorDetails {
  readonly cause?: unknown;
  /** Facts for programs: field issues, digests, paths. Must survive JSON. */
  readonly data?: Readonly<Record<string, unknown>>;
}

export class PodError extends Error {
  override readonly name: string = "PodError";
  readonly kind: ErrorKind;
  readonly data: Readonly<Record<string, unknown>>;

  constructor(kind: ErrorKind, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.kind = kind;
    this.data = details.data ?? {};
  }
}

interface Codes {
  /** HTTP status and the `reason` of a Kubernetes Status object. */
  readonly http: number;
  readonly reason: string;
  /** Canonical gRPC code. */
  readonly grpc: number;
}

const codes = {
  InvalidArgument: { http: 422, reason: "Invalid", grpc: 3 },
  NotFound: { http: 404, reason: "NotFound", grpc: 5 },
  AlreadyExists: { http: 409, reason: "AlreadyExists", grpc: 6 },
  Conflict: { http: 409, reason: "Conflict", grpc: 10 },
  FailedPrecondition: { http: 400, reason: "BadRequest", grpc: 9 },
  PermissionDenied: { http: 403, reason: "Forbidden", grpc: 7 },
  ResourceExhausted: { http: 429, reason: "TooManyRequests", grpc: 8 },
  DeadlineExceeded: { http: 504, reason: "Timeout", grpc: 4 },
  Unavailable: { http: 503, reason: "ServiceUnavailable", grpc: 14 },
  Unimplemented: { http: 501, reason: "NotImplemented", grpc: 12 },
  Internal: { http: 500, reason: "InternalError", grpc: 13 },
} as const satisfies Record<ErrorKind, Codes>;

/** The codes that a kind has at the doors of nspod. */
export function codesOf(kind: ErrorKind): Codes {
  return codes[kind];
}

/** The kind that a Kubernetes Status `reason` stands for; unknown reasons are Internal. */
export function kindOfReason(reason: string): ErrorKind {
  for (const [kind, { reason: known }] of Object.entries(codes)) {
    if (known === reason) return kind as ErrorKind;
  }
  return "Internal";
}

export function isPodError(error: unknown, kind?: ErrorKind): error is PodError {
  return error instanceof PodError && (kind === undefined || error.kind === kind);
}

/** The sentence of any thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Whether a Node.js file system error has one of these codes. */
export function hasCode(error: unknown, ...wanted: readonly string[]): boolean {
  return error instanceof Error && "code" in error && wanted.includes(String(error.code));
}
