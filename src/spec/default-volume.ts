/** Kubernetes' defaults of one volume. Source: Kubernetes API reference, core/v1 Volume. */
import { defaultConfigVolume } from "./default-config.ts";
import { defaultPullPolicy } from "./default-pull-policy.ts";
import { fillClaimSpec } from "./persistent-volume-claim-rules.ts";
import type { Volume } from "./pod.ts";
import { canonicalQuantity } from "./quantity.ts";

/** A volume without a source is an emptyDir. */
export function defaultVolume(volume: Volume): Volume {
  const { emptyDir, hostPath, ephemeral, image } = volume;
  if (Object.keys(volume).every((field) => field === "name")) return { ...volume, emptyDir: {} };
  const template = ephemeral?.volumeClaimTemplate;
  return {
    ...volume,
    ...defaultConfigVolume(volume),
    ...(emptyDir?.sizeLimit !== undefined && {
      emptyDir: { ...emptyDir, sizeLimit: canonicalQuantity(emptyDir.sizeLimit) },
    }),
    ...(hostPath !== undefined && { hostPath: { ...hostPath, type: hostPath.type ?? "" } }),
    ...(template !== undefined && {
      ephemeral: { volumeClaimTemplate: { ...template, spec: fillClaimSpec(template.spec) } },
    }),
    ...(image?.reference !== undefined && {
      image: { ...image, pullPolicy: image.pullPolicy ?? defaultPullPolicy(image.reference) },
    }),
  };
}
