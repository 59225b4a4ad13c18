// What the photo shows: the answer in words, bars with numbers, who gave it, and what one can do about it.

import { useEffect, useState } from "preact/hooks";
import type { Answerer, AnswererState, PhotoAnswer } from "../answerer.ts";
import type { PagePhoto } from "../photos.ts";
import { useStore } from "../store.ts";
import { duration, ENGINES, hostWords, megabytes, percent } from "../words.ts";

interface Props {
  readonly photo: PagePhoto;
  readonly answerer: Answerer;
  readonly threshold: number;
  readonly onAnswerHere: () => void;
  readonly onRetry: () => void;
}

const SHOWN_BARS = 5;

export function Verdict({ photo, answerer, threshold, onAnswerHere, onRetry }: Props) {
  const { answer, status, error, correction } = photo;
  return (
    <div class="verdict">
      {(status === "waiting" || status === "working") && <Working answerer={answerer} onAnswerHere={onAnswerHere} />}
      {status === "failed" && (
        <div role="alert" class="note">
          <h2>No answer</h2>
          <p>{error}</p>
          <button type="button" class="button" onClick={onRetry}>
            Try again
          </button>
        </div>
      )}
      {status === "done" && answer !== undefined && (
        <>
          <Headline answer={answer} threshold={threshold} />
          <Bars answer={answer} key={photo.id} />
          {correction !== undefined && <p class="small">You said: {correction}</p>}
          <Origin answer={answer} />
        </>
      )}
    </div>
  );
}

function Headline({ answer, threshold }: { readonly answer: PhotoAnswer; readonly threshold: number }) {
  const [best, second] = answer.confidences;
  if (best === undefined) return null;
  const sure = best.confidence >= threshold;
  return (
    <div class="headline">
      {sure ? (
        <>
          <h2 class="label">{best.label}</h2>
          <p class="share">{percent(best.confidence)}</p>
        </>
      ) : (
        <>
          <h2 class="label">Not sure</h2>
          <p class="quiet">
            Perhaps {best.label}
            {second !== undefined && `, or ${second.label}`}; perhaps nothing that this recogniser knows.
          </p>
        </>
      )}
    </div>
  );
}

function Bars({ answer }: { readonly answer: PhotoAnswer }) {
  const [all, setAll] = useState(false);
  const { confidences } = answer;
  const shown = all ? confidences : confidences.slice(0, SHOWN_BARS);
  return (
    <>
      <ol class="bars" aria-label="Probabilities">
        {shown.map(({ label, confidence }, place) => (
          <li key={label} class={place === 0 ? "best" : ""}>
            <span class="name">{label}</span>
            <span class="number">{percent(confidence)}</span>
            <span class="track" aria-hidden="true">
              <span style={{ width: `${(100 * confidence).toFixed(2)}%` }} />
            </span>
          </li>
        ))}
      </ol>
      {confidences.length > SHOWN_BARS && (
        <button type="button" class="button plain" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? "Fewer" : `All ${confidences.length}`}
        </button>
      )}
    </>
  );
}

function Origin({ answer: { engine, milliseconds, sentTo, notSent } }: { readonly answer: PhotoAnswer }) {
  const host = sentTo === null ? "" : hostWords(sentTo);
  return (
    <p class="origin quiet small" data-testid="origin">
      {duration(milliseconds)} ·{" "}
      {engine === "server" ? `answered by ${host}` : `answered in this browser (${ENGINES[engine]})`} ·{" "}
      {sentTo === null && "the photo stayed on this device"}
      {notSent !== undefined && `: ${notSent}`}
      {sentTo !== null && engine === "server" && "the photo was sent there"}
      {sentTo !== null && engine !== "server" && `the photo was sent to ${host} too, which did not answer in time`}
    </p>
  );
}

/** Seconds until the page says that it takes long. */
const SLOW_MS = 4000;

function Working({ answerer, onAnswerHere }: { readonly answerer: Answerer; readonly onAnswerHere: () => void }) {
  const state = useStore(answerer.state);
  const [slow, setSlow] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setSlow(true), SLOW_MS);
    return () => clearTimeout(timer);
  }, []);
  const waitsForServer = answerer.place === "server" && state.device !== "loading";
  return (
    <div class="working">
      <h2>
        {waitsForServer ? "Asking the server…" : state.device === "ready" ? "Looking…" : "Fetching the recogniser…"}
      </h2>
      <Downloads state={state} />
      {slow && waitsForServer && (
        <p>
          {hostWords(answerer.server!.url)} takes its time; it may be waking up.{" "}
          {state.device !== "none" && (
            <button type="button" class="button" onClick={onAnswerHere}>
              Answer on this device
            </button>
          )}
        </p>
      )}
    </div>
  );
}

function Downloads({ state: { progress } }: { readonly state: AnswererState }) {
  return (
    <>
      {Object.values(progress).map(({ part, loaded, total }) => (
        <label key={part} class="download small">
          <span>
            {part} {megabytes(loaded)}
            {total > 0 && ` of ${megabytes(total)}`}
          </span>
          <progress value={total > 0 ? loaded : undefined} max={total} />
        </label>
      ))}
    </>
  );
}
