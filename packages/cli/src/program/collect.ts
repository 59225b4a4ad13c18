// The options and the help of `ballsight collect`.

import type { Command } from "commander";

export function addCollect(ballsight: Command): void {
  ballsight
    .command("collect")
    .summary("fill folders with photos from words, lists or a folder")
    .description(
      "Fills one folder per class with distinct, readable photos and writes down where each is from and what its licence is. Stopped or killed, the same command goes on. Exit code: 0 every class has its photos, 1 some lack photos or it was interrupted, 2 wrong option or folder.",
    )
    .option("--out <folder>", "the data set: a new folder, or one to add to")
    .option("--classes <file>", "one class per line, `Label` or `Label: words, other words` (default: the ten balls)")
    .option("--per-class <n>", "photos that each class shall have (default: 300)")
    .option("--source <names>", "of openverse, wikimedia, duckduckgo, urls, folder (default: openverse,wikimedia)")
    .option(
      "--urls <files...>",
      "lists of addresses: CSV with columns url and label, or text files named after a class",
    )
    .option("--from <folder>", "a folder of class folders with photos that one has")
    .option("--license <which>", "any, cc, commercial or public-domain (default: any)")
    .option("--retry <statuses>", "ask again for photos that came to these, such as timeout,rate-limited")
    .option("--min-side <px>", "refuse photos with a shorter side (default: 128)")
    .option(
      "--parallel <n>",
      "downloads at a time (default: 32); with --redis, photos that workers have at a time (default: 1152)",
    )
    .option("--per-host <n>", "downloads at a time from one host (default: 2)")
    .option("--contact <address>", "mail or web address that the User-Agent names, for hosts with a complaint")
    .option("--redis <url>", "let `ballsight worker` on this and other machines download, by a queue in Redis")
    .option("--robots", "obey each host's robots.txt too")
    .option("--ignore-opt-out", "take photos whose headers ask not to be used for training")
    .option("--sheet [label]", "write <out>/sheet.html: photos of every class, or many of one")
    .option("--json", "print one JSON object per class and one at the end")
    .addHelpText(
      "after",
      `
Examples:
  ballsight collect --out photos/ --per-class 300
  ballsight collect --out pets/ --classes pets.txt --license commercial
  ballsight collect --out photos/ --urls more.csv --per-class 400
  ballsight collect --out photos/ --retry timeout,rate-limited
  ballsight collect --out /data/photos --redis redis://10.0.0.5   (and \`ballsight worker\` on as many machines as you like)`,
    )
    .action(async (options) => {
      const { collect } = await import("../commands/collect.ts");
      process.exitCode = await collect(options);
    });
}
