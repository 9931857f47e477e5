/** Bodies that ask the server something and are not stored: TokenRequest, SubjectAccessReview and their like. */
import { schemaOf } from "../spec/definition-schema.ts";
import { IssueList, messageText } from "../spec/field-issue.ts";
import type { KubernetesObject } from "../spec/resources.ts";
import { isObject } from "../spec/schema.ts";
import { badRequest } from "./problem.ts";

/**
 * The body as an object of the kind; its status is the server's to write and is left out.
 * @throws RequestProblem 400 with every complaint.
 */
export function decodeRequest<T extends KubernetesObject>(
  { apiVersion, kind }: Pick<T, "apiVersion" | "kind">,
  body: unknown,
): T {
  if (!isObject(body)) throw badRequest(`The body must be a ${kind}`);
  const { status: _, ...rest } = body;
  const { issues, report } = new IssueList();
  const whole = { apiVersion, kind, ...rest, metadata: rest["metadata"] ?? {} };
  const decoded = schemaOf<T>(kind).decode(whole, "", { report });
  if (issues.length === 0) return decoded;
  const complaints = issues.map(({ path, message }) => `${path}: ${messageText(message)}`);
  const version = apiVersion.split("/").at(-1);
  throw badRequest(
    `${kind} in version "${version}" cannot be handled as a ${kind}: ${complaints.join(", ")}`,
  );
}
