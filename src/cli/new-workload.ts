/** Deployments, Jobs and CronJobs of an image, as `kubectl create` makes them. Pure. */
import { PodError } from "../base/errors.ts";
import type { Container, CronJob } from "../spec/kubernetes.gen.ts";
import { type NewObject, wholeNumber } from "./new-object.ts";

export interface DeploymentOptions {
  readonly image?: readonly string[];
  readonly replicas?: string;
  readonly port?: string;
}

/**
 * Several images are several containers, named after their images.
 * @param command - of the only container; empty: the image's own.
 * @throws PodError InvalidArgument.
 */
export function newDeployment(
  name: string,
  command: readonly string[],
  { image: images = [], replicas = "1", port }: DeploymentOptions,
): NewObject {
  if (images.length === 0) throw new PodError("InvalidArgument", "--image is required");
  if (images.length > 1 && command.length > 0) {
    throw new PodError("InvalidArgument", "cannot specify multiple --image options and command");
  }
  const names = containerNames(images);
  const [first, ...others] = images.map((image, index): Container => {
    return { name: names[index] ?? "", image };
  });
  const containers = [
    {
      ...first,
      ...(command.length > 0 && { command }),
      ...(port !== undefined && { ports: [{ containerPort: wholeNumber(port, "--port") }] }),
    },
    ...others,
  ];
  const labels = { app: name };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, labels },
    spec: {
      replicas: wholeNumber(replicas, "--replicas"),
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers } },
    },
  };
}

/** `reg/my_app.x:1` → `my-app-x`; the second of a name gets a number. */
function containerNames(images: readonly string[]): readonly string[] {
  const taken = new Set<string>();
  return images.map((image) => {
    const last = image.split("/").at(-1) ?? "";
    const base = (/^[^:@]*/.exec(last)?.[0] ?? "").replace(/[_.]/g, "-").toLowerCase();
    let name = base;
    for (let number = 2; taken.has(name); number++) name = `${base}-${number}`;
    taken.add(name);
    return name;
  });
}

/** A Job that runs the image once; `command` may be empty. */
export function newJob(name: string, image: string, command: readonly string[]): NewObject {
  const metadata = { name };
  const spec = jobSpec({ name, image, command, restartPolicy: "Never" });
  return { apiVersion: "batch/v1", kind: "Job", metadata, spec };
}

/** The Job of a CronJob, as if its time had come. */
export function newJobFrom({ apiVersion, kind, metadata, spec }: CronJob, name: string): NewObject {
  const { metadata: given, spec: job } = spec.jobTemplate;
  const owner = { apiVersion, kind, name: metadata.name, uid: metadata.uid, controller: true };
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      name,
      ...(given?.labels && { labels: given.labels }),
      annotations: { ...given?.annotations, "cronjob.kubernetes.io/instantiate": "manual" },
      ownerReferences: [owner],
    },
    spec: job,
  };
}

export interface CronJobOptions {
  readonly image?: string;
  readonly schedule?: string;
  readonly restart?: "OnFailure" | "Never";
}

/** @throws PodError InvalidArgument. */
export function newCronJob(
  name: string,
  command: readonly string[],
  { image, schedule, restart = "OnFailure" }: CronJobOptions,
): NewObject {
  if (image === undefined) throw new PodError("InvalidArgument", "--image must be specified");
  if (schedule === undefined) throw new PodError("InvalidArgument", "--schedule must be specified");
  const metadata = { name };
  const spec = jobSpec({ name, image, command, restartPolicy: restart });
  return {
    apiVersion: "batch/v1",
    kind: "CronJob",
    metadata,
    spec: { schedule, jobTemplate: { metadata, spec } },
  };
}

function jobSpec(work: {
  readonly name: string;
  readonly image: string;
  readonly command: readonly string[];
  readonly restartPolicy: "OnFailure" | "Never";
}): object {
  const { name, image, command, restartPolicy } = work;
  const container = { name, image, ...(command.length > 0 && { command }) };
  return { template: { spec: { restartPolicy, containers: [container] } } };
}
