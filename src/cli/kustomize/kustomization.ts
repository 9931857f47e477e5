/**
 * The file kustomization.yaml: its fields, decoded strictly. Fields that need programs, the network or
 * a custom schema are refused by name.
 * Source: Kustomize reference, "The Kustomization File", version kustomize.config.k8s.io/v1beta1.
 */
import { invalidText } from "../../spec/decode-yaml.ts";
import { IssueList } from "../../spec/field-issue.ts";
import {
  boolean,
  int32,
  list,
  map,
  object,
  required,
  type Schema,
  string,
} from "../../spec/schema.ts";
import { readYaml } from "../../spec/yaml-document.ts";

/** What a patch or a replica count applies to; regular expressions that must match as a whole. */
export interface Target {
  readonly group?: string;
  readonly version?: string;
  readonly kind?: string;
  readonly name?: string;
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly annotationSelector?: string;
}

export interface Patch {
  readonly path?: string;
  readonly patch?: string;
  readonly target?: Target;
}

export interface GeneratorOptions {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly disableNameSuffixHash?: boolean;
  readonly immutable?: boolean;
}

/** A ConfigMap or Secret that is made of files and words. */
export interface Generator {
  readonly name: string;
  readonly namespace?: string;
  readonly behavior?: string;
  readonly literals?: readonly string[];
  readonly files?: readonly string[];
  readonly envs?: readonly string[];
  readonly env?: string;
  readonly type?: string;
  readonly options?: GeneratorOptions;
}

export interface LabelRule {
  readonly pairs?: Readonly<Record<string, string>>;
  readonly includeSelectors?: boolean;
  readonly includeTemplates?: boolean;
}

export interface ImageRule {
  readonly name: string;
  readonly newName?: string;
  readonly newTag?: string;
  readonly digest?: string;
}

export interface ReplicaRule {
  readonly name: string;
  readonly count: number;
}

export interface Kustomization {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly resources?: readonly string[];
  readonly bases?: readonly string[];
  readonly components?: readonly string[];
  readonly namespace?: string;
  readonly namePrefix?: string;
  readonly nameSuffix?: string;
  readonly labels?: readonly LabelRule[];
  readonly commonLabels?: Readonly<Record<string, string>>;
  readonly commonAnnotations?: Readonly<Record<string, string>>;
  readonly configMapGenerator?: readonly Generator[];
  readonly secretGenerator?: readonly Generator[];
  readonly generatorOptions?: GeneratorOptions;
  readonly patches?: readonly Patch[];
  readonly patchesStrategicMerge?: readonly string[];
  readonly patchesJson6902?: readonly Patch[];
  readonly images?: readonly ImageRule[];
  readonly replicas?: readonly ReplicaRule[];
}

const options = object<GeneratorOptions>({
  labels: map(string),
  annotations: map(string),
  disableNameSuffixHash: boolean,
  immutable: boolean,
});

const generator = object<Generator>({
  name: required(string),
  namespace: string,
  behavior: string,
  literals: list(string),
  files: list(string),
  envs: list(string),
  env: string,
  type: string,
  options,
});

const target = object<Target>({
  group: string,
  version: string,
  kind: string,
  name: string,
  namespace: string,
  labelSelector: string,
  annotationSelector: string,
});

const patch = object<Patch>({ path: string, patch: string, target }, { refused: { options: "" } });

const foreign =
  "needs programs or the network, which nspod does not use: build with kustomize and apply its output";

const schema: Schema<Kustomization> = object<Kustomization>(
  {
    apiVersion: string,
    kind: string,
    resources: list(string),
    bases: list(string),
    components: list(string),
    namespace: string,
    namePrefix: string,
    nameSuffix: string,
    labels: list(
      object<LabelRule>(
        { pairs: map(string), includeSelectors: boolean, includeTemplates: boolean },
        { refused: { fields: "" } },
      ),
    ),
    commonLabels: map(string),
    commonAnnotations: map(string),
    configMapGenerator: list(generator),
    secretGenerator: list(generator),
    generatorOptions: options,
    patches: list(patch),
    patchesStrategicMerge: list(string),
    patchesJson6902: list(patch),
    images: list(
      object<ImageRule>(
        { name: required(string), newName: string, newTag: string, digest: string },
        { refused: { tagSuffix: "" } },
      ),
    ),
    replicas: list(object<ReplicaRule>({ name: required(string), count: required(int32) })),
  },
  {
    refused: {
      helmCharts: foreign,
      helmGlobals: foreign,
      helmChartInflationGenerator: foreign,
      generators: foreign,
      transformers: foreign,
      validators: foreign,
      openapi: foreign,
      configurations: foreign,
      crds: foreign,
      replacements: "",
      vars: "",
      buildMetadata: "",
      sortOptions: "",
      metadata: "",
    },
  },
);

/** @throws PodError InvalidArgument with one line per complaint. */
export function decodeKustomization(text: string, source: string): Kustomization {
  const [document, ...others] = readYaml(text);
  if (document === undefined) return {};
  const issues = [...document.issues];
  if (others.length > 0) {
    issues.push({ path: "", message: "must be one document", line: 1, column: 1 });
  }
  const { issues: found, report } = new IssueList();
  const written = (path: string): string | undefined => document.written(path);
  const decoded = document.isReadable
    ? schema.decode(document.value, "", { report, written })
    : schema.zero();
  issues.push(...found.map((issue) => ({ ...issue, ...document.locate(issue.path, issue.at) })));
  if (issues.length > 0) throw invalidText(issues, source);
  return decoded;
}
