/** `nspod create KIND NAME`, `nspod expose`: makes an object of options and creates it. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { messageOf, PodError } from "../../base/errors.ts";
import type { CronJob } from "../../spec/kubernetes.gen.ts";
import { type KubernetesObject, resourceOfKind } from "../../spec/resources.ts";
import type { Context } from "../context.ts";
import { type DataSources, readDataSources } from "../data-sources.ts";
import { contentHash } from "../kustomize/names.ts";
import { newConfigMap, newRegistrySecret, newSecret, newTlsSecret } from "../new-config.ts";
import type { NewObject } from "../new-object.ts";
import { type Exposed, type ExposeOptions, exposeObject } from "../new-service.ts";
import { newJob, newJobFrom } from "../new-workload.ts";
import { parseObjects } from "../object-arguments.ts";
import { getObject } from "../objects.ts";
import { type CreateOptions, createAll } from "./create.ts";

/** `create` takes the options of manifests also in front of and behind a kind: they are refused there. */
export type NewOptions = CreateOptions;

/**
 * @param done - what the answer says of it.
 * @throws PodError InvalidArgument for options of manifests.
 */
export async function createNew(
  context: Context,
  made: NewObject,
  options: NewOptions,
  done?: string,
): Promise<number> {
  const { filename, kustomize, recursive } = options;
  if (filename !== undefined || kustomize !== undefined || recursive !== undefined) {
    throw new PodError("InvalidArgument", "-f, -R and -k cannot be combined with a kind");
  }
  const isNamespaced = resourceOfKind(made.kind)?.isNamespaced === true;
  // What is only printed says a namespace when somebody has said one.
  const scope = options.dryRun === "client" ? (context.givenNamespace ?? "") : context.namespace;
  const metadata = { ...made.metadata, namespace: isNamespaced ? scope : "", uid: "" };
  const object: KubernetesObject = { ...made, metadata };
  return await createAll(context, [object], { ...options, ...(done !== undefined && { done }) });
}

export interface DataOptions extends NewOptions {
  readonly fromLiteral?: readonly string[];
  readonly fromFile?: readonly string[];
  readonly fromEnvFile?: readonly string[];
  readonly appendHash?: boolean;
  readonly type?: string;
}

export async function createConfigMap(
  context: Context,
  name: string,
  options: DataOptions,
): Promise<number> {
  const made = newConfigMap(name, readData(name, options));
  return await createNew(context, hashed(made, options), options);
}

export async function createSecret(
  context: Context,
  name: string,
  options: DataOptions,
): Promise<number> {
  const made = newSecret(name, readData(name, options), options.type);
  return await createNew(context, hashed(made, options), options);
}

function hashed(made: NewObject, { appendHash }: DataOptions): NewObject {
  if (appendHash !== true) return made;
  const { metadata } = made;
  return { ...made, metadata: { ...metadata, name: `${metadata.name}-${contentHash(made)}` } };
}

function readData(name: string, options: DataOptions): ReadonlyMap<string, Buffer> {
  const { fromLiteral = [], fromFile = [], fromEnvFile = [] } = options;
  if (fromEnvFile.length > 0 && fromFile.length + fromLiteral.length > 0) {
    throw new PodError(
      "InvalidArgument",
      "from-env-file cannot be combined with from-file or from-literal",
    );
  }
  const sources: DataSources = {
    literals: fromLiteral,
    files: fromFile.flatMap(filesOf),
    envs: fromEnvFile,
  };
  return readDataSources(sources, name, readFile);
}

/** The files of a folder, without those below folders in it. */
function filesOf(source: string): readonly string[] {
  if (!statSync(source, { throwIfNoEntry: false })?.isDirectory()) return [source];
  return readdirSync(source)
    .sort()
    .filter((name) => statSync(join(source, name)).isFile())
    .map((name) => `${name}=${join(source, name)}`);
}

function readFile(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new PodError("NotFound", `Cannot read "${path}": ${messageOf(cause)}`, { cause });
  }
}

export interface TlsOptions extends NewOptions {
  readonly cert: string;
  readonly key: string;
}

/** @throws PodError InvalidArgument when certificate and key do not belong together. */
export async function createTlsSecret(
  context: Context,
  name: string,
  options: TlsOptions,
): Promise<number> {
  const [certificate, key] = [readFile(options.cert), readFile(options.key)];
  let isPair: boolean;
  try {
    isPair = new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
  } catch (cause) {
    throw new PodError("InvalidArgument", `Cannot read the pair of keys: ${messageOf(cause)}`, {
      cause,
    });
  }
  if (!isPair) {
    throw new PodError(
      "InvalidArgument",
      `"${options.key}" is not the key of the certificate in "${options.cert}"`,
    );
  }
  return await createNew(context, newTlsSecret(name, certificate, key), options);
}

export interface RegistryOptions extends NewOptions {
  readonly dockerServer: string;
  readonly dockerUsername: string;
  readonly dockerPassword: string;
  readonly dockerEmail?: string;
}

export async function createRegistrySecret(
  context: Context,
  name: string,
  options: RegistryOptions,
): Promise<number> {
  const made = newRegistrySecret(name, {
    server: options.dockerServer,
    username: options.dockerUsername,
    password: options.dockerPassword,
    email: options.dockerEmail,
  });
  return await createNew(context, made, options);
}

export interface JobOptions extends NewOptions {
  readonly image?: string;
  readonly from?: string;
}

export async function createJob(
  context: Context,
  name: string,
  command: readonly string[],
  options: JobOptions,
): Promise<number> {
  const { image, from } = options;
  if ((image === undefined) === (from === undefined)) {
    throw new PodError("InvalidArgument", "either --image or --from must be specified");
  }
  if (from !== undefined && command.length > 0) {
    throw new PodError("InvalidArgument", "cannot specify --from and command");
  }
  const made =
    from === undefined
      ? newJob(name, image ?? "", command)
      : newJobFrom(await cronJobOf(context, from), name);
  return await createNew(context, made, options);
}

async function cronJobOf({ client, namespace }: Context, from: string): Promise<CronJob> {
  const [found] = parseObjects([from.includes("/") ? from : `cronjob/${from}`]);
  if (found?.resource.kind !== "CronJob" || found.name === undefined) {
    throw new PodError("InvalidArgument", `--from: must be cronjob/NAME: got "${from}"`);
  }
  const { resource, name } = found;
  return await getObject<CronJob>(client, { resource, namespace, name });
}

const exposable: readonly string[] = ["Pod", "Service", "Deployment", "ReplicaSet", "StatefulSet"];

/** @param words - `TYPE/NAME` or `TYPE NAME`. */
export async function exposeObjects(
  context: Context,
  words: readonly string[],
  options: ExposeOptions & NewOptions,
): Promise<number> {
  const { client, namespace } = context;
  const [target, ...others] = parseObjects(words);
  if (target?.name === undefined || others.length > 0) {
    throw new PodError("InvalidArgument", "Name one object: TYPE/NAME");
  }
  const { resource, name } = target;
  if (!exposable.includes(resource.kind)) {
    throw new PodError("InvalidArgument", `cannot expose a ${resource.kind}`);
  }
  const object = await getObject<KubernetesObject & Exposed>(client, { resource, namespace, name });
  return await createNew(context, exposeObject(object, options), options, `exposed`);
}
