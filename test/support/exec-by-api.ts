// A command in a container without a process of ours on this side: for thousands of them, or where no ids are left.
import type { ApiClient } from "../../src/cli/api-client.ts";
import { podsPath } from "../../src/cli/context.ts";
import { runRemoteSession } from "../../src/cli/remote-session.ts";

export interface Said {
  readonly code: number;
  /** Of both streams. */
  readonly text: string;
}

/**
 * Runs a command in the container "main" of a pod.
 * @throws PodError when it cannot be started or the session ends early.
 */
export async function execByApi(
  client: ApiClient,
  pod: string,
  command: readonly string[],
): Promise<Said> {
  let text = "";
  const output = {
    write: (chunk: Uint8Array): boolean => {
      text += Buffer.from(chunk).toString();
      return true;
    },
    once: () => undefined,
  };
  const query = { container: "main", command, stdout: true, stderr: true };
  const path = podsPath("default", pod, "exec");
  const code = await runRemoteSession(client, path, query, { stdout: output, stderr: output });
  return { code, text };
}
