/**
 * A manifest file as the command line takes it: decoded, defaulted and validated, with all complaints at once.
 *
 * `status` is the server's to write, so what a manifest says there (after `kubectl get -o yaml`) is left out,
 * as Kubernetes does on creation.
 */

import { invalidText, readManifests } from "./decode-yaml.ts";
import { type DefaultPodOptions, defaultPod } from "./default-pod.ts";
import { isWithin } from "./field-issue.ts";
import type { Pod } from "./pod.ts";
import { validatePod } from "./validate-pod.ts";

/**
 * Loads all pods of a text.
 * @param source - how to call the text in errors: a file name, `<stdin>`
 * @throws PodError InvalidArgument as `decodeManifests` does, with the complaints of validation too
 */
export function loadPods(text: string, source: string, options: DefaultPodOptions): Pod[] {
  const { drafts, issues: textIssues } = readManifests(text);
  const issues = [...textIssues];
  const pods: Pod[] = [];
  for (const draft of drafts) {
    const { status: _, ...wish } = draft.object;
    const pod = defaultPod(wish, options);
    pods.push(pod);
    // A field that could not be decoded holds a zero value: what validation says about that is noise.
    const echoes = (path: string): boolean =>
      draft.issues.some((issue) => isWithin(path, issue.path) || isWithin(issue.path, path));
    const invalid = validatePod(pod).filter((issue) => !echoes(issue.path));
    issues.push(...[...draft.issues, ...invalid].map(draft.locate));
  }
  if (issues.length > 0) {
    throw invalidText(issues, source);
  }
  return pods;
}
