// The head of the page: what is reviewed, how far it is, what is in view, undo and help.

import { useMemo } from "preact/hooks";
import { Key } from "./Key.tsx";
import type { Store } from "./store.ts";
import { countsOf, decisionWords, type Filter, kindWords } from "./view.ts";

const SHOWS: readonly (readonly [Filter["show"], string])[] = [
  ["open", "To decide"],
  ["decided", "Decided"],
  ["all", "All"],
];

export function Toolbar({ store }: { readonly store: Store }) {
  const { filter, photos, review, last } = store;
  // A hundred thousand photos are not counted for every step of the cursor.
  const counts = useMemo(() => countsOf(photos, filter), [store.version, filter]);
  const kinds = useMemo(() => [...new Set(photos.flatMap((photo) => photo.kinds))], [review]);
  const isJudged = useMemo(() => photos.some(({ loss }) => loss !== undefined), [review]);
  const labels = useMemo(() => [...new Set(photos.map(({ label }) => label))].sort(), [review]);
  const lastWords =
    last === null
      ? "nothing to undo"
      : `${last.photos === 1 ? last.file : `${last.photos} photos`}: ${decisionWords({ decision: { ...last, who: "", at: "" }, open: false, missing: null })}`;
  return (
    <header class="toolbar">
      <h1 title={review?.data}>{review?.data.split(/[/\\]/).at(-1)}</h1>
      <fieldset class="shows">
        <legend class="aloud">Photos in view</legend>
        {SHOWS.map(([show, words]) => (
          <button
            type="button"
            key={show}
            class="button"
            aria-pressed={filter.show === show}
            onClick={() => store.setFilter({ show })}
          >
            {words} <span class="count">{counts[show]}</span>
          </button>
        ))}
      </fieldset>
      <div class="filters">
        <Select
          title="Class"
          all="All classes"
          value={filter.label}
          options={labels.map((label) => [label, label])}
          onChange={(label) => store.setFilter({ label })}
        />
        <Select
          title="Reason"
          all="All reasons"
          value={filter.kind}
          options={kinds.map((kind) => [kind, kindWords(kind)])}
          onChange={(kind) => store.setFilter({ kind })}
        />
        <Select
          title="Part"
          all="Both parts"
          value={filter.part}
          options={[
            ["train", "Trained on"],
            ["valid", "Held out"],
          ]}
          onChange={(part) => store.setFilter({ part })}
        />
        {isJudged && (
          <Select
            title="Order"
            all="Most worth a look"
            value={filter.order === "loss" ? "loss" : ""}
            options={[["loss", "Largest losses"]]}
            onChange={(order) => {
              store.setFilter({ order: order === "loss" ? "loss" : "worth" });
              // Who asks for the worst wants to see them.
              store.move("first", false);
            }}
          />
        )}
      </div>
      <div class="tools">
        {store.selected.size === 0 ? (
          <button type="button" class="button" onClick={() => store.selectAll()}>
            Select all <Key>A</Key>
          </button>
        ) : (
          <button type="button" class="button chosen" onClick={() => store.clear()}>
            {store.selected.size} selected<span class="aloud">: select none</span> <Key>Esc</Key>
          </button>
        )}
        <button type="button" class="button" disabled={last === null} title={lastWords} onClick={() => store.undo()}>
          Undo <Key>U</Key>
          <span class="aloud">{lastWords}</span>
        </button>
        <button type="button" class="button" onClick={() => store.change({ dialog: "help" })}>
          Keys <Key>?</Key>
        </button>
      </div>
    </header>
  );
}

interface SelectProps {
  readonly title: string;
  readonly all: string;
  readonly value: string;
  readonly options: readonly (readonly [value: string, words: string])[];
  readonly onChange: (value: string) => void;
}

function Select({ title, all, value, options, onChange }: SelectProps) {
  return (
    <select class="field" aria-label={title} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
      <option value="">{all}</option>
      {options.map(([option, words]) => (
        <option key={option} value={option}>
          {words}
        </option>
      ))}
    </select>
  );
}
