// Entry of the recogniser page.
import { render } from "preact";
import "../shared/base.css";
import { Device } from "./device/device.ts";

const device = new Device();
const out = document.createElement("pre");
document.body.append(out);
const say = (x: unknown) => { out.textContent += JSON.stringify(x) + "\n"; };
render(<main>Ballsight</main>, document.getElementById("app")!);
const config = await (await fetch("ballsight.json")).json();
say(await device.ask("load", { model: { ...config.model, url: new URL(config.model.url, document.baseURI).href } }));
for (const { file } of config.examples) {
  const photo = await (await fetch(file)).blob();
  say([file, await device.ask("answer", { photo, name: file })]);
}
say("done");
