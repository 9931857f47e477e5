/**
 * Errors that only HTTP knows (wrong method, body too large), and the Kubernetes Status object that
 * every error becomes. Source: Kubernetes API reference, meta/v1 Status; API conventions "Response
 * Status Kind".
 */
import { codesOf, type ErrorKind, messageOf, PodError } from "../base/errors.ts";

/** A mistake in the request itself. */
export class RequestProblem extends PodError {
  override readonly name = "RequestProblem";
  readonly code: number;
  readonly reason: string;
  /** Header fields of the answer. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    problem: readonly [code: number, reason: string, kind: ErrorKind],
    message: string,
    headers: Readonly<Record<string, string>> = {},
    data: Readonly<Record<string, unknown>> = {},
  ) {
    const [code, reason, kind] = problem;
    super(kind, message, { data });
    this.code = code;
    this.reason = reason;
    this.headers = headers;
  }
}

export function badRequest(message: string): RequestProblem {
  return new RequestProblem([400, "BadRequest", "InvalidArgument"], message);
}

export function pathNotFound(): RequestProblem {
  return new RequestProblem([404, "NotFound", "NotFound"], "This path does not exist");
}

export function forbidden(message: string): RequestProblem {
  return new RequestProblem([403, "Forbidden", "PermissionDenied"], message);
}

export interface StatusCause {
  readonly reason: string;
  readonly message: string;
  readonly field?: string;
}

export interface Status {
  readonly kind: "Status";
  readonly apiVersion: "v1";
  readonly metadata: Readonly<Record<string, never>>;
  readonly status: "Success" | "Failure";
  readonly message?: string;
  readonly reason?: string;
  readonly details?: {
    readonly name?: string;
    /** The word of the path; the kind itself when the object is invalid. */
    readonly kind?: string;
    readonly group?: string;
    readonly uid?: string;
    readonly causes?: readonly StatusCause[];
    /** The `data` of our PodError, for programs that know nspod. */
    readonly data?: Readonly<Record<string, unknown>>;
  };
  readonly code?: number;
}

/** The Status of any thrown value; `code` is the HTTP status too. */
export function statusOf(error: unknown): Status & { readonly code: number } {
  const data = error instanceof PodError ? error.data : {};
  const causes = [...causesOf(data["issues"]), ...givenCauses(data["causes"])];
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: messageOf(error),
    ...codesOfError(error),
    details: {
      ...(typeof data["name"] === "string" && { name: data["name"] }),
      ...(typeof data["kind"] === "string" && { kind: data["kind"] }),
      ...(typeof data["group"] === "string" && { group: data["group"] }),
      ...(causes.length > 0 && { causes }),
      ...(Object.keys(data).length > 0 && { data }),
    },
  };
}

function codesOfError(error: unknown): { readonly code: number; readonly reason: string } {
  if (error instanceof RequestProblem) return { code: error.code, reason: error.reason };
  // The one reason of the Kubernetes API that has no error kind of its own.
  if (error instanceof PodError && error.data["reason"] === "Expired") {
    return { code: 410, reason: "Expired" };
  }
  const { http, reason } = codesOf(error instanceof PodError ? error.kind : "Internal");
  return { code: http, reason };
}

/** `data.issues` as src/spec writes it. */
function causesOf(issues: unknown): readonly StatusCause[] {
  if (!Array.isArray(issues)) return [];
  return issues.map((issue: { readonly path?: unknown; readonly message?: unknown }) => ({
    reason: causeReason(String(issue.message)),
    message: String(issue.message),
    field: String(issue.path),
  }));
}

/** `data.causes` of who knows the word for programs itself. */
function givenCauses(causes: unknown): readonly StatusCause[] {
  return Array.isArray(causes) ? (causes as readonly StatusCause[]) : [];
}

/** The word for programs, by how our sentences begin. */
function causeReason(message: string): string {
  if (/^is required|is required$/.test(message)) return "FieldValueRequired";
  if (/^conflict with/.test(message)) return "FieldManagerConflict";
  if (/^must be unique|^duplicate/.test(message)) return "FieldValueDuplicate";
  return /^must be one of/.test(message) ? "FieldValueNotSupported" : "FieldValueInvalid";
}
