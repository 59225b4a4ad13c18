// Entry of the review page.

import { render } from "preact";
import { App } from "./App.tsx";
import { keepPlace, placeOf } from "./place.ts";
import "./review.css";
import { Store } from "./store.ts";

const store = new Store();
render(<App store={store} />, document.getElementById("app")!);

const { filter, at } = placeOf(location.hash);
store
  .load(filter, at)
  .then(() => {
    document.title = `Review of ${store.review?.data.split(/[/\\]/).at(-1)} – Ballsight`;
    store.subscribe(soon(() => keepPlace(store)));
    const events = new EventSource("api/events");
    events.addEventListener("hello", (event) => void store.onHello(JSON.parse(event.data)).catch(() => undefined));
    events.addEventListener("changes", (event) => store.merge(JSON.parse(event.data)));
    document.getElementById("grid")?.focus({ preventScroll: true });
  })
  .catch((error: Error) => store.change({ problem: error.message }));

// Nothing is lost by leaving, except what the server has not taken yet.
addEventListener("beforeunload", (event) => {
  if (store.isWaiting) event.preventDefault();
});

/** Browsers allow a hundred changes of the address in half a minute: an arrow key held down makes more. */
function soon(work: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(work, 300);
  };
}
