// "That is not a ...": says what it is, and hands the correction over as a file or to whoever collects them.

import { useEffect, useRef, useState } from "preact/hooks";
import { correction, post } from "../corrections.ts";
import type { PagePhoto } from "../photos.ts";
import { save } from "../save.ts";
import { hostWords } from "../words.ts";

interface Props {
  readonly photo: PagePhoto;
  /** Where corrections are posted; null: downloaded. */
  readonly url: string | null;
  readonly onCorrected: (label: string) => void;
  readonly onClose: () => void;
}

const OTHER = "something else";

export function CorrectIt({ photo, url, onCorrected, onClose }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [label, setLabel] = useState("");
  const [other, setOther] = useState("");
  const [withPhoto, setWithPhoto] = useState(true);
  const [trouble, setTrouble] = useState("");
  const [busy, setBusy] = useState(false);
  useEffect(() => dialog.current?.showModal(), []);
  const labels = (photo.answer?.confidences ?? []).map((answer) => answer.label).sort();
  const wanted = label === OTHER ? other.trim() : label;

  const submit = async (event: Event) => {
    event.preventDefault();
    // Enter twice is one correction.
    if (busy) return;
    setBusy(true);
    setTrouble("");
    try {
      const made = await correction(photo, wanted, withPhoto);
      if (url === null) {
        const name = `correction-${made.made_at.replaceAll(":", "").slice(0, 17)}.json`;
        save(`${JSON.stringify(made, null, 2)}\n`, "application/json", name);
      } else {
        await post(url, made);
      }
      onCorrected(wanted);
      dialog.current?.close();
    } catch (error) {
      setTrouble(error instanceof Error ? error.message : String(error));
      setBusy(false);
    }
  };

  return (
    <dialog ref={dialog} class="correct" aria-labelledby="correct-title" onClose={onClose}>
      <form onSubmit={submit}>
        <h2 id="correct-title">What is it really?</h2>
        <label class="line">
          <span>Label</span>
          <select class="field" required value={label} onChange={({ currentTarget }) => setLabel(currentTarget.value)}>
            <option value="">Choose</option>
            {labels.map((name) => (
              <option key={name}>{name}</option>
            ))}
            <option>{OTHER}</option>
          </select>
        </label>
        {label === OTHER && (
          <label class="line">
            <span>Namely</span>
            <input
              class="field"
              required
              maxLength={100}
              value={other}
              onInput={({ currentTarget }) => setOther(currentTarget.value)}
            />
          </label>
        )}
        <label class="choice">
          <input
            type="checkbox"
            checked={withPhoto}
            onChange={({ currentTarget }) => setWithPhoto(currentTarget.checked)}
          />
          <span>Put the photo in</span>
        </label>
        <p class="quiet small">
          {url === null
            ? "A file is saved on this device; nothing is sent."
            : `It is sent to ${hostWords(url)}${withPhoto ? ", with the photo" : ", without the photo"}.`}
        </p>
        {trouble !== "" && (
          <p class="note" role="alert">
            {trouble}
          </p>
        )}
        <div class="row">
          <button type="submit" class="button primary" disabled={wanted === ""} aria-busy={busy}>
            {url === null ? "Save the correction" : "Send the correction"}
          </button>
          <button type="button" class="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
        </div>
      </form>
    </dialog>
  );
}
