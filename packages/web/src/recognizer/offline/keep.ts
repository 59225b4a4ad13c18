// Asks the service worker to keep what the page needs without a network.

import type { SiteConfig } from "../siteConfig.ts";
import { Store } from "../store.ts";
import type { KeepRequest } from "./request.ts";

/** Beside the built page: every file of it that works offline, relative. */
const FILE_LIST = "files.json";

export class Offline {
  readonly state = new Store<{ readonly status: "no" | "keeping" | "kept" }>({ status: "no" });

  /** Once, after the first answer: until then the network is needed for that. */
  async keep({ model, models }: SiteConfig): Promise<void> {
    // Absent on pages that are not secure (http, but for this computer).
    if (!("serviceWorker" in navigator) || this.state.value.status !== "no") return;
    this.state.set({ status: "keeping" });
    try {
      await navigator.serviceWorker.register("sw.js");
      const response = await fetch(FILE_LIST);
      const { files } = (await response.json()) as { readonly files: readonly string[] };
      const all = [...files, ...(model === null ? [] : [model.url]), ...(models === null ? [] : [models])];
      const urls = [...new Set(all.map((file) => new URL(file, document.baseURI).href))];
      const { active } = await navigator.serviceWorker.ready;
      if (active === null) throw new Error("no service worker");
      const kept = await ask(active, { urls });
      this.state.set({ status: kept ? "kept" : "no" });
    } catch {
      // A page that works online is not in want of anything.
      this.state.set({ status: "no" });
    }
  }
}

function ask(worker: ServiceWorker, request: KeepRequest): Promise<boolean> {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = ({ data }: MessageEvent<{ readonly kept: boolean }>) => resolve(data.kept);
    worker.postMessage(request, [port2]);
  });
}
