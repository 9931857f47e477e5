/** `nspod run NAME --image=IMAGE`: a pod of one image, without a manifest. */
import { PodError } from "../../base/errors.ts";
import type { Pod } from "../../spec/pod.ts";
import type { Context } from "../context.ts";
import { type NewPodOptions, newPod } from "../new-pod.ts";
import { createNew, type NewOptions } from "./create-new.ts";
import { type RunOptions, runManifests, runPods } from "./run.ts";

/** Options that only a pod of an image has. */
const ofImages = {
  command: "--command",
  env: "--env",
  port: "--port",
  labels: "--labels",
  restart: "--restart",
  privileged: "--privileged",
  imagePullPolicy: "--image-pull-policy",
  stdin: "--stdin",
  tty: "--tty",
  dryRun: "--dry-run",
  output: "--output",
} as const;

export type RunCommandOptions = RunOptions & Partial<NewPodOptions> & NewOptions;

/**
 * @param words - with --image the name of the pod and what it runs, else manifests.
 * @returns the exit code of the process.
 */
export async function runCommand(
  context: Context,
  words: readonly string[],
  options: RunCommandOptions,
): Promise<number> {
  const { image } = options;
  if (image !== undefined) return await runImage(context, words, { ...options, image });
  const misplaced = Object.entries(ofImages).find(([key]) => Object.hasOwn(options, key));
  if (misplaced === undefined) return await runManifests(context, words, options);
  throw new PodError(
    "InvalidArgument",
    `${misplaced[1]} is for pods of an image: nspod run NAME --image=IMAGE`,
  );
}

async function runImage(
  context: Context,
  [name = "", ...words]: readonly string[],
  options: RunCommandOptions & { readonly image: string },
): Promise<number> {
  const { stdin = false, tty = false, dryRun = "none", output } = options;
  if (options.name !== undefined) {
    throw new PodError(
      "InvalidArgument",
      "--name is for manifests: with --image the name comes first",
    );
  }
  const isObject = dryRun !== "none" || output !== undefined;
  const isDetached = options.detach || options.wait !== undefined || options.timings;
  // What is watched ends with what it runs, what is left alone shall go on.
  const restart = options.restart ?? (isDetached || isObject ? "Always" : "Never");
  const made = newPod(name, words, { ...options, restart });
  if (isObject) return await createNew(context, made, options);
  const pod = {
    ...made,
    metadata: { ...made.metadata, namespace: context.namespace, uid: "" },
  } as unknown as Pod;
  const session = stdin ? { session: { stdin, tty } } : {};
  return await runPods(context, () => [pod], { ...options, ...session });
}
