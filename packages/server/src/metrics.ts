// What Prometheus is told: requests, photos, their stages, the queue, the process.

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Pool, PoolEvents } from "./pool/pool.ts";

/** Seconds: a photo takes tens of milliseconds, a full queue seconds. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export class Metrics {
  readonly registry = new Registry();
  readonly #requests: Counter<"route" | "status">;
  readonly #duration: Histogram<"route">;
  readonly #photos: Counter<"outcome">;
  readonly #stages: Histogram<"stage">;
  readonly #workersLost: Counter;
  readonly #reloads: Counter<"outcome">;

  constructor() {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    this.#requests = new Counter({
      name: "ballsight_requests_total",
      help: "Requests that were answered",
      labelNames: ["route", "status"],
      registers,
    });
    this.#duration = new Histogram({
      name: "ballsight_request_seconds",
      help: "From a request's arrival to the first byte of its answer",
      labelNames: ["route"],
      buckets: BUCKETS,
      registers,
    });
    this.#photos = new Counter({
      name: "ballsight_photos_total",
      help: "Photos that the pool took, by outcome: answered, or an error's code",
      labelNames: ["outcome"],
      registers,
    });
    this.#stages = new Histogram({
      name: "ballsight_stage_seconds",
      help: "Stages of a photo that was answered: queue, decode, infer",
      labelNames: ["stage"],
      buckets: BUCKETS,
      registers,
    });
    this.#workersLost = new Counter({ name: "ballsight_workers_lost_total", help: "Workers that ended", registers });
    this.#reloads = new Counter({
      name: "ballsight_reloads_total",
      help: "Changes of the model file, by outcome",
      labelNames: ["outcome"],
      registers,
    });
  }

  /** Takes part in what the pool does. */
  readonly events: PoolEvents = {
    onAnswer: ({ queueMs, decodeMs, inferMs }) => {
      this.#photos.inc({ outcome: "answered" });
      this.#stages.observe({ stage: "queue" }, queueMs / 1000);
      this.#stages.observe({ stage: "decode" }, decodeMs / 1000);
      this.#stages.observe({ stage: "infer" }, inferMs / 1000);
    },
    onFailure: ({ code }) => this.#photos.inc({ outcome: code }),
    onWorkerLost: () => this.#workersLost.inc(),
  };

  watch(pool: Pool, extra: Readonly<Record<string, () => number>>): void {
    const gauges: Record<string, () => number> = {
      queue_photos: () => pool.stats.waiting,
      running_photos: () => pool.stats.running,
      workers: () => pool.stats.workers,
      ...extra,
    };
    for (const [name, value] of Object.entries(gauges)) {
      const gauge: Gauge = new Gauge({
        name: `ballsight_${name}`,
        help: `Now: ${name.replaceAll("_", " ")}`,
        registers: [this.registry],
        collect: () => gauge.set(value()),
      });
    }
  }

  request(route: string, status: number, seconds: number): void {
    this.#requests.inc({ route, status });
    this.#duration.observe({ route }, seconds);
  }

  reload(outcome: "done" | "failed"): void {
    this.#reloads.inc({ outcome });
  }
}
