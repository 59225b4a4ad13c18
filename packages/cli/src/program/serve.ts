// The options and the help of `ballsight serve`.

import type { Command } from "commander";

export function addServe(ballsight: Command): void {
  ballsight
    .command("serve")
    .summary("serve the recogniser: a page, Gradio's API, REST, Open Inference Protocol")
    .description(
      "Serves the recogniser over HTTP: a page, an API that Gradio's clients speak, REST, Open Inference Protocol v2. A changed model file is loaded while it runs. Exit code: 0 stopped by a signal, 2 wrong option, model or port.",
    )
    .option("--model <file>", "a model made by `ballsight train` (default: the recogniser that ships)")
    .option("--port <n>", "port; 0 for any that is free (default: 7860)")
    .option("--host <address>", "address to listen on; 0.0.0.0 for every network (default: 127.0.0.1)")
    .option("--workers <n>", "threads that decode and run the model (default: as many as cores)")
    .option("--queue <n>", "photos that may wait before others are refused (default: 64)")
    .option("--deadline <s>", "seconds from a photo's arrival to its answer (default: 30)")
    .option("--max-bytes <n>", "largest photo, bytes (default: 10000000)")
    .option("--max-pixels <n>", "largest photo, pixels (default: 50000000)")
    .option("--rate <n>", "photos a minute from one client on another machine, 0 for no limit (default: 600)")
    .option("--trust-proxy <n>", "proxies of your own in front, whose X-Forwarded-For is believed (default: 0)")
    .option("--origin <origins...>", "web sites whose pages may call (default: all)")
    .option("--allow-urls", "fetch photos behind URLs too, from public addresses alone")
    .option("--drain <s>", "seconds between not being ready and stopping, for load balancers (default: 0)")
    .option("--no-watch", "load a changed model file on SIGHUP only")
    .option("--json", "print one JSON object once it listens")
    .addHelpText(
      "after",
      `
Examples:
  ballsight serve
  ballsight serve --model runs/long/model.onnx --port 8080
  ballsight serve --host 0.0.0.0 --trust-proxy 1 --drain 10`,
    )
    .action(async (options) => {
      const { serve } = await import("../commands/serve.ts");
      process.exitCode = await serve(options);
    });
}
