/** `nspod create job`: a Job of an image, or of the template of a CronJob. */
import { PodError } from "../../base/errors.ts";
import type { CronJob, Job, JobTemplateSpec } from "../../spec/kubernetes.gen.ts";
import type { OwnerReference } from "../../spec/meta.ts";
import type { Context } from "../context.ts";
import { parseObjects, parseResource } from "../object-arguments.ts";
import { createObject, getObject } from "../objects.ts";
import { labelOf } from "../output-format.ts";

export interface CreateJobOptions {
  readonly image?: string;
  readonly from?: string;
}

export async function createJob(
  context: Context,
  name: string,
  command: readonly string[],
  options: CreateJobOptions,
): Promise<number> {
  const { client, screen, namespace } = context;
  const { image, from } = options;
  if ((image === undefined) === (from === undefined)) {
    throw new PodError("InvalidArgument", "either --image or --from must be specified");
  }
  if (from !== undefined && command.length > 0) {
    throw new PodError("InvalidArgument", "cannot specify --from and command");
  }
  const metadata = { name, namespace, uid: "" };
  const head = { apiVersion: "batch/v1", kind: "Job" } as const;
  const job: Job =
    from === undefined
      ? { ...head, metadata, ...jobOfImage(name, image ?? "", command) }
      : { ...head, ...(await jobOfCronJob(context, metadata, from)) };
  const made = await createObject(client, parseResource("jobs"), job);
  screen.print(`${labelOf(made)} created`);
  return 0;
}

function jobOfImage(name: string, image: string, command: readonly string[]): Pick<Job, "spec"> {
  const container = { name, image, ...(command.length > 0 && { command }) };
  const metadata: JobTemplateSpec["metadata"] = { name: "", namespace: "", uid: "" };
  const spec = { restartPolicy: "Never", containers: [container] } as const;
  return { spec: { template: { metadata, spec } } };
}

async function jobOfCronJob(
  { client, namespace }: Context,
  metadata: Job["metadata"],
  from: string,
): Promise<Pick<Job, "metadata" | "spec">> {
  const [found] = parseObjects([from.includes("/") ? from : `cronjob/${from}`]);
  if (found?.resource.kind !== "CronJob" || found.name === undefined) {
    throw new PodError("InvalidArgument", `--from: must be cronjob/NAME: got "${from}"`);
  }
  const cronJob = await getObject<CronJob>(client, {
    resource: found.resource,
    namespace,
    name: found.name,
  });
  const { metadata: given, spec } = cronJob.spec.jobTemplate;
  const owner: OwnerReference = {
    apiVersion: cronJob.apiVersion,
    kind: cronJob.kind,
    name: cronJob.metadata.name,
    uid: cronJob.metadata.uid,
    controller: true,
  };
  return {
    metadata: {
      ...metadata,
      ...(given?.labels && { labels: given.labels }),
      annotations: { ...given?.annotations, "cronjob.kubernetes.io/instantiate": "manual" },
      ownerReferences: [owner],
    },
    spec,
  };
}
