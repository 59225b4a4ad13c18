// The options and the help of `ballsight worker`.

import type { Command } from "commander";

export function addWorker(ballsight: Command): void {
  ballsight
    .command("worker")
    .summary("take work from a queue in Redis")
    .description(
      "Does the work of `collect --redis` and `predict --redis`, on this or any machine that has the same folders, until it is stopped. Exit code: 0 stopped, 2 wrong option or no Redis.",
    )
    .requiredOption("--redis <url>", "where the queue is, such as redis://:password@host:6379")
    .option("--queues <names>", "of collect, predict (default: both)")
    .option(
      "--map <from=to...>",
      "folders that have another name here than where the work comes from; with it, no others are touched",
    )
    .option("--parallel <n>", "downloads at a time (default: 32)")
    .option("--shards <n>", "shards of downloads at a time (default: 4)")
    .option("--json", "print one JSON object per shard: queue, shard, outcome, seconds, reason")
    .addHelpText(
      "after",
      `
Examples:
  ballsight worker --redis redis://10.0.0.5
  ballsight worker --redis redis://10.0.0.5 --queues predict --map /data=/mnt/data`,
    )
    .action(async (options) => {
      const { worker } = await import("../commands/worker.ts");
      process.exitCode = await worker(options);
    });
}
