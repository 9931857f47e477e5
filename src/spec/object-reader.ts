/** Stored objects that pods refer to: ConfigMaps, Secrets, claims. */
export interface ObjectReader {
  /** T is the type of the kind (`kubernetes.gen.ts`); namespace "" for objects of the cluster. */
  get<T>(kind: string, namespace: string, name: string): T | undefined;
}
