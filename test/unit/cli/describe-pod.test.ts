import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { describePod } from "../../../src/cli/describe-pod.ts";
import type { Event } from "../../../src/spec/event.ts";
import type { Pod } from "../../../src/spec/pod.ts";
import { container, ended, pod } from "./pods.ts";

const now = Date.parse("2026-01-01T00:10:00Z");

const full: Pod = pod(
  {
    phase: "Running",
    hostIP: "192.0.2.7",
    podIP: "10.85.0.2",
    podIPs: [{ ip: "10.85.0.2" }],
    startTime: "2026-01-01T00:00:00Z",
    qosClass: "Burstable",
    conditions: [
      { type: "Initialized", status: "True" },
      { type: "Ready", status: "False" },
    ],
    initContainerStatuses: [container(ended(0), { name: "prepare", containerID: "nspod://a0" })],
    containerStatuses: [
      container(
        {
          waiting: {
            reason: "CrashLoopBackOff",
            message: "back-off 10s restarting failed container",
          },
        },
        { restartCount: 4, lastState: ended(137, { reason: "OOMKilled", signal: 9 }) },
      ),
    ],
  },
  {
    metadata: {
      ...pod().metadata,
      labels: { tier: "front", app: "web" },
      annotations: { "kubectl.kubernetes.io/last-applied-configuration": "{}", note: "hand-made" },
    },
    spec: {
      initContainers: [
        { name: "prepare", image: "busybox:1", command: ["sh", "-c"], args: ["true"] },
      ],
      containers: [
        {
          name: "app",
          image: "web:2",
          ports: [{ containerPort: 80, hostPort: 8080, protocol: "TCP" }],
          env: [{ name: "MODE", value: "test" }],
          resources: { limits: { memory: "64Mi", cpu: "500m" }, requests: { memory: "32Mi" } },
          volumeMounts: [
            { name: "data", mountPath: "/data", readOnly: true },
            { name: "logs", mountPath: "/logs", subPath: "web" },
          ],
        },
      ],
      volumes: [
        { name: "data", hostPath: { path: "/srv/data", type: "Directory" } },
        { name: "logs", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } },
      ],
    },
  },
);

const event = (change: Partial<Event>): Event => ({
  apiVersion: "v1",
  kind: "Event",
  metadata: { name: "web.1", namespace: "default", uid: "" },
  involvedObject: {},
  type: "Normal",
  reason: "Started",
  message: "Started container app",
  source: { component: "nspod" },
  firstTimestamp: "2026-01-01T00:00:00Z",
  lastTimestamp: "2026-01-01T00:00:00Z",
  count: 1,
  reportingComponent: "nspod",
  reportingInstance: "",
  ...change,
});

const describes = suite("describePod()");

describes("reads like kubectl describe pod", () => {
  const events = [
    event({
      type: "Warning",
      reason: "BackOff",
      message: "Back-off restarting failed container app",
      lastTimestamp: "2026-01-01T00:09:30Z",
      count: 12,
    }),
    event({}),
  ];
  golden("describe-pod.txt", describePod(full, events, now));
});

describes("shows a pod that has nothing yet", () => {
  golden("describe-pending-pod.txt", describePod(pod(), [], now));
});

describes("shows every source of variables and volumes, sidecars, tolerations and reasons", () => {
  const rich = pod(
    {
      phase: "Pending",
      conditions: [
        {
          type: "PodScheduled",
          status: "False",
          reason: "Unschedulable",
          message: "0/1 nodes fit",
        },
      ],
      initContainerStatuses: [container({ running: {} }, { name: "proxy", started: true })],
      ephemeralContainerStatuses: [container({ running: {} }, { name: "look" })],
    },
    {
      spec: {
        nodeName: "here",
        serviceAccountName: "robot",
        priority: 7,
        priorityClassName: "high",
        runtimeClassName: "fast",
        nodeSelector: { disk: "ssd" },
        readinessGates: [{ conditionType: "example.com/ready" }],
        securityContext: { seccompProfile: { type: "RuntimeDefault" } },
        tolerations: [
          { key: "gone", operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 },
          { key: "a", value: "b", effect: "NoSchedule" },
          { operator: "Exists" },
        ],
        initContainers: [{ name: "proxy", image: "proxy:1", restartPolicy: "Always" }],
        ephemeralContainers: [{ name: "look", image: "busybox" }],
        containers: [
          {
            name: "app",
            image: "web:2",
            readinessProbe: { httpGet: { path: "/ready", port: 80 }, periodSeconds: 5 },
            envFrom: [
              { configMapRef: { name: "settings" } },
              { prefix: "KEY_", secretRef: { name: "keys", optional: true } },
            ],
            env: [
              { name: "A", valueFrom: { configMapKeyRef: { name: "settings", key: "a" } } },
              {
                name: "B",
                valueFrom: { secretKeyRef: { name: "keys", key: "b", optional: true } },
              },
              { name: "C", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
              { name: "D", valueFrom: { resourceFieldRef: { resource: "limits.cpu" } } },
            ],
            volumeMounts: [
              { name: "host", mountPath: "/h", mountPropagation: "HostToContainer" },
              { name: "cm", mountPath: "/c", readOnly: true, recursiveReadOnly: "Enabled" },
            ],
          },
        ],
        volumes: [
          { name: "cm", configMap: { name: "settings" } },
          { name: "key", secret: { secretName: "keys", optional: true } },
          { name: "disk", persistentVolumeClaim: { claimName: "data" } },
          {
            name: "me",
            downwardAPI: { items: [{ path: "n", fieldRef: { fieldPath: "metadata.name" } }] },
          },
          {
            name: "all",
            projected: {
              sources: [
                { secret: { name: "keys" } },
                { configMap: { name: "settings" } },
                { serviceAccountToken: { path: "token", expirationSeconds: 600 } },
              ],
            },
          },
          {
            name: "scratch",
            ephemeral: {
              volumeClaimTemplate: {
                metadata: { name: "", namespace: "", uid: "" },
                spec: {
                  accessModes: ["ReadWriteOnce"],
                  resources: { requests: { storage: "1Gi" } },
                },
              },
            },
          },
          { name: "tools", image: { reference: "tools:1", pullPolicy: "Never" } },
        ],
      },
    },
  );
  golden("describe-rich-pod.txt", describePod(rich, [], now));
});

describes("says since when a pod is terminating", () => {
  const { metadata } = pod();
  const deletion = { deletionTimestamp: "2026-01-01T00:09:40Z", deletionGracePeriodSeconds: 30 };
  const text = describePod(pod({}, { metadata: { ...metadata, ...deletion } }), [], now);
  assert.match(text, /Status: {11}Terminating \(lasts 20s\)\nTermination Grace Period: 30s\n/);
});

describes.run();

function golden(name: string, text: string): void {
  const path = join(import.meta.dirname, "golden", name);
  if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(path, `${text}\n`);
  assert.is(`${text}\n`, readFileSync(path, "utf8"));
}
