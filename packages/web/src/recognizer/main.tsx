// Entry of the recogniser page: what ballsight.json says, then the page.

import { render } from "preact";
import { App } from "./App.tsx";
import { Answerer } from "./answerer.ts";
import { Photos } from "./photos.ts";
import { parseSiteConfig, type SiteConfig } from "./siteConfig.ts";
import "../shared/base.css";
import "./recognizer.css";

const config = await readConfig();
document.title = config.title;
const answerer = new Answerer(config, document.baseURI);
const photos = new Photos(answerer);
render(<App config={config} answerer={answerer} photos={photos} />, document.getElementById("app")!);

async function readConfig(): Promise<SiteConfig> {
  try {
    const response = await fetch("ballsight.json");
    return parseSiteConfig(response.ok ? await response.json() : undefined);
  } catch {
    return parseSiteConfig(undefined);
  }
}
