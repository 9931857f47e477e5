/** Commands that make objects of options: create KIND, expose. */
import { type Command, Option } from "commander";
import { collect, examples, list, oneOf, type Tree, text } from "./command-tree.ts";
import { addAccess } from "./commands-create-access.ts";
import { dryRunOption } from "./commands-manifest.ts";
import { outputOption } from "./output-format.ts";

/** Adds the kinds below the `create` of manifests, when it is there, and `expose`. */
export function addCreateCommands(program: Command, tree: Tree): void {
  const create = program.commands.find((command) => command.name() === "create");
  if (create !== undefined) addKinds(program, create, tree);
  addExpose(program, tree);
}

function addKinds(program: Command, create: Command, tree: Tree): void {
  // Not -f and -k: they are of `create` alone.
  create.configureHelp({
    showGlobalOptions: true,
    visibleGlobalOptions: () => [...program.options],
  });
  addSimple(create, tree);
  addConfigs(create, tree);
  addWorkloads(create, tree);
  addServices(create, tree);
  addAccess(create, tree, kind);
}

function written(command: Command): Command {
  return command.addOption(dryRunOption()).addOption(outputOption(["name", "json", "yaml"]));
}

function kind(parent: Command, name: string, description: string): Command {
  return written(parent.command(name).description(description).argument("<name>"));
}

function addSimple(create: Command, tree: Tree): void {
  examples(
    kind(create, "namespace", "Create a namespace")
      .alias("ns")
      .action(
        tree.asRoot(async (context, [name], options) => {
          const { createNew } = await import("./commands/create-new.ts");
          const { newNamespace } = await import("./new-object.ts");
          return await createNew(context, newNamespace(text(name)), options);
        }),
      ),
    ["nspod create namespace shop"],
  );
  examples(
    kind(create, "serviceaccount", "Create a service account")
      .alias("sa")
      .action(
        tree.asRoot(async (context, [name], options) => {
          const { createNew } = await import("./commands/create-new.ts");
          const { newServiceAccount } = await import("./new-object.ts");
          return await createNew(context, newServiceAccount(text(name)), options);
        }),
      ),
    ["nspod create serviceaccount builder"],
  );
  examples(
    kind(create, "priorityclass", "Create a priority class")
      .alias("pc")
      .option("--value <number>", "the priority", "0")
      .option("--global-default", "pods without a class get this one")
      .option("--description <text>", "when to use it")
      .addOption(
        oneOf("--preemption-policy <policy>", "whether its pods may evict others", [
          ...["PreemptLowerPriority", "Never"],
        ]),
      )
      .action(
        tree.asRoot(async (context, [name], options) => {
          const { createNew } = await import("./commands/create-new.ts");
          const { newPriorityClass } = await import("./new-object.ts");
          return await createNew(context, newPriorityClass(text(name), options), options);
        }),
      ),
    ["nspod create priorityclass high --value=1000"],
  );
  examples(
    kind(create, "poddisruptionbudget", "Create a budget that evictions keep to")
      .alias("pdb")
      .requiredOption("--selector <labels>", "pods with these labels, KEY=VALUE,…")
      .option("--min-available <count>", "so many stay, or 50%")
      .option("--max-unavailable <count>", "so many may be missing, or 50%")
      .action(
        tree.asRoot(async (context, [name], options) => {
          const { createNew } = await import("./commands/create-new.ts");
          const { newDisruptionBudget } = await import("./new-object.ts");
          return await createNew(context, newDisruptionBudget(text(name), options), options);
        }),
      ),
    ["nspod create pdb web --selector app=web --min-available=1"],
  );
}

function data(command: Command): Command {
  return command
    .option("--from-literal <key=value>", "a key and its value (repeatable)", collect)
    .option(
      "--from-file <[key=]path>",
      "a file, or the files of a folder; the key is the file's name (repeatable)",
      collect,
    )
    .option("--from-env-file <path>", "a file of KEY=VALUE lines (repeatable)", collect)
    .option("--append-hash", "a hash of the content at the end of the name");
}

function addConfigs(create: Command, tree: Tree): void {
  examples(
    data(kind(create, "configmap", "Create a ConfigMap of literals and files"))
      .alias("cm")
      .action(
        tree.asRoot(async (context, [name], options) => {
          const { createConfigMap } = await import("./commands/create-new.ts");
          return await createConfigMap(context, text(name), options);
        }),
      ),
    [
      "nspod create configmap settings --from-literal=mode=test --from-file=app.conf",
      "nspod create configmap settings --from-env-file=.env --dry-run=client -o yaml",
    ],
  );
  const secret = create.command("secret").description("Create a Secret");
  examples(
    data(kind(secret, "generic", "Create a Secret of literals and files"))
      .option("--type <type>", "its type (default: Opaque)")
      .action(
        tree.asRoot(async (context, [name], options) => {
          const { createSecret } = await import("./commands/create-new.ts");
          return await createSecret(context, text(name), options);
        }),
      ),
    ["nspod create secret generic login --from-literal=password=x --from-file=id_ed25519"],
  );
  examples(
    kind(secret, "tls", "Create a Secret of a certificate and its key")
      .requiredOption("--cert <file>", "the certificate, PEM")
      .requiredOption("--key <file>", "its private key, PEM")
      .action(
        tree.asRoot(async (context, [name], options) => {
          const { createTlsSecret } = await import("./commands/create-new.ts");
          return await createTlsSecret(context, text(name), options);
        }),
      ),
    ["nspod create secret tls web --cert=web.crt --key=web.key"],
  );
  examples(
    kind(secret, "docker-registry", "Create a Secret that imagePullSecrets can name")
      .option("--docker-server <url>", "the registry", "https://index.docker.io/v1/")
      .requiredOption("--docker-username <name>", "user there")
      .requiredOption("--docker-password <password>", "and password")
      .option("--docker-email <address>", "and e-mail address")
      .action(
        tree.asRoot(async (context, [name], options) => {
          const { createRegistrySecret } = await import("./commands/create-new.ts");
          return await createRegistrySecret(context, text(name), options);
        }),
      ),
    ["nspod create secret docker-registry pull --docker-username=me --docker-password=x"],
  );
}

const commandArgument = "after --: what to run instead of the image's command";

function addWorkloads(create: Command, tree: Tree): void {
  examples(
    kind(create, "deployment", "Create a Deployment of images")
      .alias("deploy")
      .argument("[command...]", commandArgument)
      .option("--image <image>", "image to run (repeatable: several containers)", collect)
      .option("-r, --replicas <number>", "how many pods", "1")
      .option("--port <port>", "port that the container serves")
      .action(
        tree.asRoot(async (context, [name, command], options) => {
          const { createNew } = await import("./commands/create-new.ts");
          const { newDeployment } = await import("./new-workload.ts");
          const made = newDeployment(text(name), list(command), options);
          return await createNew(context, made, options);
        }),
      ),
    [
      "nspod create deployment web --image=shop:1 --replicas=3 --port=8080",
      "nspod create deployment web --image=busybox -- httpd -f -p 8080",
    ],
  );
  examples(
    kind(create, "job", "Create a Job from an image, or one of a CronJob now")
      .argument("[command...]", commandArgument)
      .option("--image <image>", "image to run")
      .option("--from <cronjob>", "cronjob/NAME whose job to run now")
      .action(
        tree.asRoot(async (context, [name, command], options) => {
          const { createJob } = await import("./commands/create-new.ts");
          return await createJob(context, text(name), list(command), options);
        }),
      ),
    ["nspod create job now --from=cronjob/report", "nspod create job hi --image=busybox -- date"],
  );
  examples(
    kind(create, "cronjob", "Create a CronJob of an image")
      .alias("cj")
      .argument("[command...]", commandArgument)
      .option("--image <image>", "image to run")
      .option("--schedule <schedule>", "minute, hour, day, month, day of the week; or @daily")
      .addOption(
        oneOf("--restart <policy>", "of its pods (default: OnFailure)", ["OnFailure", "Never"]),
      )
      .action(
        tree.asRoot(async (context, [name, command], options) => {
          const { createNew } = await import("./commands/create-new.ts");
          const { newCronJob } = await import("./new-workload.ts");
          const made = newCronJob(text(name), list(command), options);
          return await createNew(context, made, options);
        }),
      ),
    ["nspod create cronjob tick --image=busybox --schedule='*/5 * * * *' -- date"],
  );
}

function addServices(create: Command, tree: Tree): void {
  const service = create
    .command("service")
    .alias("svc")
    .description("Create a Service of the pods with the label app=NAME");
  const add = (name: string, type: string, description: string, example: string): Command =>
    examples(
      kind(service, name, description).action(
        tree.asRoot(async (context, [word], options) => {
          const { createNew } = await import("./commands/create-new.ts");
          const { newService } = await import("./new-service.ts");
          return await createNew(context, newService(text(word), { ...options, type }), options);
        }),
      ),
      [example],
    );
  const ports = (): Option =>
    new Option(
      "--tcp <port[:target]>",
      "port of the Service and of its pods (repeatable)",
    ).argParser(collect);
  add(
    "clusterip",
    "ClusterIP",
    "One with an address inside",
    "nspod create service clusterip web --tcp=80:8080",
  )
    .addOption(ports())
    .option("--clusterip <address>", "this address, or None for a headless Service");
  add(
    "nodeport",
    "NodePort",
    "One that a port of the machine leads to",
    "nspod create service nodeport web --tcp=80:8080 --node-port=30080",
  )
    .addOption(ports())
    .option("--node-port <port>", "port of the machine (default: a free one)");
  add(
    "externalname",
    "ExternalName",
    "A name for another name",
    "nspod create service externalname db --external-name=db.example.com",
  )
    .addOption(ports())
    .requiredOption("--external-name <name>", "what it stands for");
}

function addExpose(program: Command, tree: Tree): void {
  examples(
    written(program.command("expose"))
      .description(
        "Create a Service in front of a pod, deployment, replica or stateful set, or service",
      )
      .argument("<object...>", "TYPE/NAME or TYPE NAME")
      .option("--port <port>", "port of the Service (default: the ports of the containers)")
      .option("--target-port <port>", "number or name of the port of the pods")
      .addOption(oneOf("--protocol <protocol>", "of the ports", ["TCP", "UDP", "SCTP"]))
      .option("--name <name>", "of the Service (default: the object's)")
      .addOption(
        oneOf("--type <type>", "of the Service", ["ClusterIP", "NodePort", "LoadBalancer"]),
      )
      .option("--cluster-ip <address>", "this address, or None for a headless Service")
      .option("--external-ip <address>", "an address that leads to it, too")
      .addOption(oneOf("--session-affinity <how>", "what keeps clients", ["None", "ClientIP"]))
      .option("--selector <labels>", "pods with these labels instead of the object's")
      .option("-l, --labels <labels>", "labels of the Service instead of the object's")
      .action(
        tree.asRoot(async (context, [words], options) => {
          const { exposeObjects } = await import("./commands/create-new.ts");
          return await exposeObjects(context, list(words), options);
        }),
      ),
    ["nspod expose deployment web --port=80 --target-port=8080", "nspod expose pod/db --port=5432"],
  );
}
