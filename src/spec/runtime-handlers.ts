/**
 * What `handler` of a RuntimeClass may name on a node of nspod: itself, and "runc", the handler that manifests of
 * clusters name when they mean the ordinary runtime. Both are the same.
 */
export const runtimeHandlers: readonly string[] = ["nspod", "runc"];
