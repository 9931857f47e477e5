/** ConfigMaps and Secrets that kustomize makes of literals, files and env files. */
import { configData, type ReadFile, readDataSources, secretData } from "../data-sources.ts";
import type { Generator, GeneratorOptions } from "./kustomization.ts";
import type { Item } from "./names.ts";

/** @throws PodError InvalidArgument for a literal or a line without "=". */
export function generate(
  kind: "ConfigMap" | "Secret",
  generator: Generator,
  common: GeneratorOptions,
  readFile: ReadFile,
): Item {
  const values = contents(generator, readFile);
  const { labels, annotations, immutable = common.immutable } = generator.options ?? {};
  const allLabels = { ...common.labels, ...labels };
  const allAnnotations = { ...common.annotations, ...annotations };
  return {
    apiVersion: "v1",
    kind,
    metadata: {
      name: generator.name,
      ...(generator.namespace !== undefined && { namespace: generator.namespace }),
      ...(Object.keys(allLabels).length > 0 && { labels: allLabels }),
      ...(Object.keys(allAnnotations).length > 0 && { annotations: allAnnotations }),
    },
    ...(kind === "Secret"
      ? { data: secretData(values), type: generator.type ?? "Opaque" }
      : configData(values)),
    ...(immutable === true && { immutable }),
  };
}

function contents(generator: Generator, readFile: ReadFile): ReadonlyMap<string, Buffer> {
  const { literals = [], files = [], envs = [], env, name } = generator;
  const sources = {
    // Quotes that a shell would have taken away.
    literals: literals.map((literal) => literal.replace(/^([^=]*)=(["'])(.*)\2$/s, "$1=$3")),
    files,
    envs: [...envs, ...(env === undefined ? [] : [env])],
  };
  return readDataSources(sources, name, readFile);
}
