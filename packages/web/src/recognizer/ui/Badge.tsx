// Where the next photo goes, always in sight.

import type { Answerer } from "../answerer.ts";
import { useStore } from "../store.ts";
import { hostWords } from "../words.ts";

export function Badge({ answerer }: { readonly answerer: Answerer }) {
  const { server, mode } = useStore(answerer.state);
  const goesAway = answerer.place === "server";
  const host = answerer.server === undefined ? "" : hostWords(answerer.server.url);
  const fellBack = !goesAway && mode === "auto" && server === "away";
  return (
    <p class={`badge ${goesAway ? "away" : "here"}`} id="badge" role="status">
      <svg aria-hidden="true" viewBox="0 0 16 16" width="16" height="16">
        {goesAway ? <path d="M8 13V3M3.5 7.5 8 3l4.5 4.5" /> : <path d="M3 7.5 8 3l5 4.5V13H3Z" />}
      </svg>
      <span>
        {goesAway ? `Photos are sent to ${host}` : "Photos stay on this device"}
        {fellBack && <span class="quiet">: {host} does not answer</span>}
      </span>
    </p>
  );
}
