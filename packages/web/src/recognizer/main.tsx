// Entry of the recogniser page: what ballsight.json says, then the page.

import { render } from "preact";
import { App } from "./App.tsx";
import { Answerer } from "./answerer.ts";
import { Offline } from "./offline/keep.ts";
import { Photos } from "./photos.ts";
import { savesData } from "./savesData.ts";
import { DEFAULTS, parseSiteConfig, type SiteConfig, withServedModel } from "./siteConfig.ts";
import "../shared/base.css";
import "./recognizer.css";
import "./controls.css";
import "./home.css";

const config = await readConfig();
document.title = config.title;
const answerer = new Answerer(config, document.baseURI);
const photos = new Photos(answerer);
const offline = new Offline();
const stopWaiting = photos.state.follow(() => {
  // Not for whoever counts megabytes: the runtime and the model are eleven.
  if (savesData() || !photos.state.value.photos.some(({ status }) => status === "done")) return;
  stopWaiting();
  void offline.keep(config);
});
render(<App config={config} answerer={answerer} photos={photos} offline={offline} />, document.getElementById("app")!);

/** Pages that are served as files alone have no `models`; a server that does not say leaves the page with what it was built with. */
async function readConfig(): Promise<SiteConfig> {
  const config = parseSiteConfig(await readJson("ballsight.json", DEFAULTS.patience.connect));
  if (config.models === null) return config;
  return withServedModel(config, await readJson(config.models, config.patience.connect));
}

/** @param wait milliseconds: nothing is painted before, and some networks neither answer nor fail */
async function readJson(address: string, wait: number): Promise<unknown> {
  try {
    const response = await fetch(address, { signal: AbortSignal.timeout(wait) });
    return response.ok ? await response.json() : undefined;
  } catch {
    return undefined;
  }
}
