/** `nspod create token ACCOUNT`: asks for a token of a service account and prints it. */
import { PodError } from "../../base/errors.ts";
import type { TokenRequest } from "../../spec/kubernetes.gen.ts";
import { resourcePath } from "../../spec/resources.ts";
import type { Context } from "../context.ts";
import { parseDuration } from "../duration.ts";
import { type ObjectFormat, printValue } from "../object-output.ts";

export interface TokenOptions {
  readonly audience?: readonly string[];
  readonly duration?: string;
  readonly boundObjectKind?: string;
  readonly boundObjectName?: string;
  readonly boundObjectUid?: string;
  readonly output?: ObjectFormat;
}

const serviceAccounts = { apiVersion: "v1", plural: "serviceaccounts" };

/** The resources whose objects a token can end with. */
const versions: Readonly<Record<string, string>> = { Pod: "v1", Secret: "v1", Node: "v1" };

/** @throws PodError InvalidArgument, or as the server says. */
export async function createToken(
  context: Context,
  name: string,
  options: TokenOptions,
): Promise<number> {
  const { audience, duration, output } = options;
  const seconds = duration === undefined ? 0 : parseDuration(duration, "--duration") / 1000;
  const boundObjectRef = boundOf(options);
  const body: Partial<TokenRequest> = {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenRequest",
    spec: {
      audiences: audience ?? [],
      ...(seconds > 0 && { expirationSeconds: Math.floor(seconds) }),
      ...(boundObjectRef && { boundObjectRef }),
    },
  };
  const accounts = resourcePath(serviceAccounts, context.namespace);
  const path = `${accounts}/${name}/token`;
  const answer = await context.client.json<TokenRequest>("POST", path, { body });
  if (output === undefined) context.screen.print(answer.status?.token ?? "");
  else await printValue(context.screen, answer, output);
  return 0;
}

function boundOf(options: TokenOptions) {
  const { boundObjectKind: kind, boundObjectName: name, boundObjectUid: uid } = options;
  if (kind === undefined) {
    if (name === undefined && uid === undefined) return undefined;
    throw new PodError(
      "InvalidArgument",
      "--bound-object-name and --bound-object-uid need --bound-object-kind",
    );
  }
  const apiVersion = versions[kind];
  if (apiVersion === undefined) {
    const kinds = Object.keys(versions).join(", ");
    throw new PodError(
      "InvalidArgument",
      `--bound-object-kind: must be one of ${kinds}: got "${kind}"`,
    );
  }
  if (name === undefined)
    throw new PodError("InvalidArgument", "--bound-object-name must be specified");
  return { apiVersion, kind, name, ...(uid !== undefined && { uid }) };
}
