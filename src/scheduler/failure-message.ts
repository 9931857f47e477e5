/**
 * The sentence that says why a pod has no node, as the scheduler of Kubernetes writes it: how many nodes there are,
 * each phrase with the number of nodes that it is true of, in the order of the letters.
 */

/** Phrases by node; a node may have several. */
export function failureMessage(nodeCount: number, reasons: readonly (readonly string[])[]): string {
  const counts = new Map<string, number>();
  for (const reason of reasons.flat()) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const phrases = [...counts].map(([reason, count]) => `${count} ${reason}`).sort();
  return `0/${nodeCount} nodes are available: ${phrases.join(", ")}.`;
}

/** Of what holds for the whole cluster: there is no number. */
export function clusterFailureMessage(nodeCount: number, phrase: string): string {
  return `0/${nodeCount} nodes are available: ${phrase}.`;
}

/** What preemption has to say, after the sentence. */
export function withPreemption(message: string, preemption: string): string {
  return preemption === "" ? message : `${message} preemption: ${preemption}`;
}

export const noNodes = "no nodes available to schedule pods";
