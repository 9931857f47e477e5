// What objects of the groups apps, batch and policy need besides their names; none of them asks for a pod.

const containers = [{ name: "main", image: "absent", imagePullPolicy: "Never" }];
const labels = { app: "body" };
const selector = { matchLabels: labels };
const template = { metadata: { labels }, spec: { containers } };
const once = { spec: { restartPolicy: "Never", containers } };

export const workloadBodies: Readonly<Record<string, object>> = {
  ControllerRevision: { revision: 1, data: {} },
  ReplicaSet: { spec: { replicas: 0, selector, template } },
  Deployment: { spec: { replicas: 0, selector, template } },
  StatefulSet: { spec: { replicas: 0, serviceName: "body", selector, template } },
  DaemonSet: {
    spec: {
      selector,
      template: { metadata: { labels }, spec: { nodeSelector: { no: "node" }, containers } },
    },
  },
  Job: { spec: { suspend: true, template: once } },
  CronJob: {
    spec: { schedule: "@yearly", suspend: true, jobTemplate: { spec: { template: once } } },
  },
  PodDisruptionBudget: { spec: { minAvailable: 1, selector } },
};
