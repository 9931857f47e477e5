/** Commands that work with images. */
import type { Command } from "commander";
import { collect, examples, list, oneOf, type Tree, text } from "./command-tree.ts";

export function addImageCommands(program: Command, tree: Tree): void {
  const image = program.command("image").description("Load, list and remove images");
  examples(image, ["nspod image load app.tar", "nspod image ls"]);
  examples(
    image
      .command("load")
      .description("Load an OCI or docker archive; plain, gzip or zstd")
      .argument("[file...]", 'archives or OCI layout folders; "-" is standard input', ["-"])
      .option("-i, --input <file>", "archive (repeatable)", collect)
      .option("-q, --quiet", "print nothing")
      .action(
        tree.asRoot(async (context, [files], options) => {
          const { loadArchive } = await import("./commands/image-load.ts");
          for (const file of options.input ?? list(files)) {
            await loadArchive(context, file, { isQuiet: options.quiet === true });
          }
          return 0;
        }),
      ),
    ["nspod image load app.tar", "docker save app | nspod image load -"],
  );
  examples(
    image
      .command("import")
      .description("Make an image of the files in a tar archive")
      .argument("<file>", 'archive of a root file system; "-" is standard input')
      .argument("<name>", "name of the new image")
      .action(
        tree.asRoot(async (context, [file, name]) => {
          const { importRootfs } = await import("./commands/image-load.ts");
          return await importRootfs(context, text(file), text(name));
        }),
      ),
    ["nspod image import rootfs.tar.gz my/base:1"],
  );
  examples(
    image
      .command("ls")
      .alias("list")
      .description("List images")
      .option("-q, --quiet", "print ids only")
      .option("--no-trunc", "print whole ids")
      .addOption(oneOf("-o, --output <format>", "output format", ["json", "yaml"]))
      .action(
        tree.asRoot(async (context, _args, options) => {
          const { listImages } = await import("./commands/image.ts");
          return await listImages(context, options);
        }),
      ),
    ["nspod image ls"],
  );
  examples(
    image
      .command("inspect")
      .description("Print what is known about images, as JSON")
      .argument("<image...>", "names or ids")
      .action(
        tree.asRoot(async (context, [names]) => {
          const { inspectImages } = await import("./commands/image.ts");
          return await inspectImages(context, list(names));
        }),
      ),
    ["nspod image inspect busybox"],
  );
  examples(
    image
      .command("tag")
      .description("Give an image another name")
      .argument("<source>", "name or id")
      .argument("<target>", "the new name")
      .action(
        tree.asRoot(async (context, [source, target]) => {
          const { tagImage } = await import("./commands/image.ts");
          return await tagImage(context, text(source), text(target));
        }),
      ),
    ["nspod image tag busybox my/busybox:1"],
  );
  examples(
    image
      .command("rm")
      .description("Remove names of images, and images without a name")
      .argument("<image...>", "names or ids")
      .option("-f, --force", "remove all names of an id, also when a pod that ended uses it")
      .action(
        tree.asRoot(async (context, [names], options) => {
          const { removeImages } = await import("./commands/image.ts");
          return await removeImages(context, list(names), options);
        }),
      ),
    ["nspod image rm busybox"],
  );
  examples(
    image
      .command("prune")
      .description("Remove images that have no name and that no pod uses")
      .option("-a, --all", "those with a name, too")
      .option("-f, --force", "do not ask")
      .action(
        tree.asRoot(async (context, _args, options) => {
          const { pruneImages } = await import("./commands/image.ts");
          return await pruneImages(context, options);
        }),
      ),
    ["nspod image prune --all --force"],
  );
  examples(
    image
      .command("save")
      .description("Write images into one archive")
      .argument("<image...>", "names or ids")
      .option("-o, --output <file>", "file to write (default: standard output)")
      .addOption(oneOf("--format <format>", "kind of archive", ["oci", "docker"]).default("oci"))
      .action(
        tree.asRoot(async (context, [names], options) => {
          const { saveImages } = await import("./commands/image.ts");
          return await saveImages(context, list(names), options);
        }),
      ),
    ["nspod image save -o app.tar app:1"],
  );
}
