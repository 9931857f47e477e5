/**
 * The fail points of nspod: every place where a test can let a step fail, wait, or end the process, and what happens
 * there. Names are `folder/file.step`; those of the shim (native/) begin with "shim.". Each stands once in the code.
 */
export const failpoints = {
  "base/atomic-write.write": "a file of our state is written beside the old one",
  "base/atomic-write.sync": "it is brought to the disk",
  "base/atomic-write.rename": "it takes the place of the old one",
  "base/atomic-write.folder": "it is there, and its folder is brought to the disk",
  "store/store.begin": "a transaction begins",
  "store/store.commit": "a transaction is committed",
  "store/log-file.sync": "committed transactions are brought to the disk",
  "pod/engine.record": "a pod's record is written, which announces the next step",
  "net/ipam.reserve": "the lease of an address is written",
  "net/ipam.release": "an address is given back",
  "net/firewall.change": "elements of packet rules come or go",
  "cgroup/hierarchy.create": "a cgroup is made",
  "cgroup/hierarchy.kill": "the processes of a cgroup are killed",
  "cgroup/hierarchy.remove": "a cgroup is removed",
  "volume/prepare.volume": "a volume is prepared",
  "pod/sandbox.folders": "the folders of a pod are made",
  "pod/sandbox.host-files": "hosts and resolv.conf of a pod are written",
  "pod/sandbox.rules": "packet rules of a pod are added",
  "shim/launch.spawn": "a shim is launched into new namespaces",
  "shim/launch.spawned": "it runs, and nobody has written that down",
  "pod/sandbox-steps.connect": "the daemon connects to the shim that it has launched",
  "pod/attempt.prepare": "folders of a container are made, and its program is compiled",
  "pod/attempt.start": "the program of a container is sent to the shim",
  "pod/attempt.started": "the container runs, and nobody has written that down",
  "pod/attempt.finish": "what an ended container has left is removed",
  "pod/sandbox.stop-rules": "packet rules of a pod are removed",
  "pod/sandbox.stop-shim": "the shim is killed, after its containers",
  "pod/sandbox.stop-folder": "the folder with the shim's socket is removed",
  "sys/trash.discard": "a tree is moved into the trash",
  "pod/remove-pod.record": "the record of a pod is deleted, the last of it",
  "agent/agent.object": "the object of a pod that is gone is deleted",
  "image/import-images.folder": "a folder for the work of an import is made",
  "image/staged-members.open": "the file of a blob is made, in the helper that reads the archive",
  "image/staged-members.write": "bytes of a blob are written, in the helper that reads the archive",
  "image/layer-writer.batch": "files of a layer are written, in the helper that unpacks it",
  "image/sparse-writer.write":
    "a part of a file with holes is written, in the helper that unpacks it",
  "image/read-archive.sync":
    "blobs and layers are brought to the disk, in the helper that read the archive",
  "image/import-images.blob": "a blob of an import becomes visible",
  "image/import-images.layer": "an unpacked layer becomes visible",
  "image/import-images.sync": "the folders of blobs and layers are brought to the disk",
  "image/import-images.clean": "the folders for the work of an import are removed",
  "image/store.collect": "what no image needs is taken away",
  "shim.start": "a process is asked for",
  "shim.started": "it runs, and the daemon has not been told",
  "shim.log-open": "a log is opened",
  "shim.log-write": "lines are written to a log",
  "shim.log-rotate": "a log is rotated",
  "shim.exit-record": "the record of an exit is written",
  "shim.exit-report": "the record stands, and nobody has been told",
} as const;

export type FailpointName = keyof typeof failpoints;

export function isFailpoint(name: string): name is FailpointName {
  return Object.hasOwn(failpoints, name);
}
