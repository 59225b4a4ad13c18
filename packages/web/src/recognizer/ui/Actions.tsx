// What can be done with an answer: see what it rests on, correct it, copy it.

import { useState } from "preact/hooks";
import type { Answerer } from "../answerer.ts";
import type { HeatMap } from "../device/protocol.ts";
import { RUNTIME_SIZES } from "../device/sizes.ts";
import type { PagePhoto } from "../photos.ts";
import { useStore } from "../store.ts";
import { megabytes } from "../words.ts";
import { CorrectIt } from "./CorrectIt.tsx";
import { Copy } from "./UseIt.tsx";

interface Props {
  readonly photo: PagePhoto;
  readonly answerer: Answerer;
  readonly corrections: string | null;
  /** What a first map costs; 0: unknown. */
  readonly modelBytes: number;
  readonly map: HeatMap | undefined;
  readonly onMap: (map: HeatMap | undefined) => void;
  readonly onCorrected: (label: string) => void;
}

export function Actions({ photo, answerer, corrections, modelBytes, map, onMap, onCorrected }: Props) {
  const { device } = useStore(answerer.state);
  const [looking, setLooking] = useState(false);
  const [trouble, setTrouble] = useState("");
  const [correcting, setCorrecting] = useState(false);
  const { answer } = photo;
  const [best] = answer?.confidences ?? [];
  if (answer === undefined || best === undefined) return null;

  const toggle = async () => {
    if (map !== undefined) return onMap(undefined);
    setLooking(true);
    setTrouble("");
    try {
      onMap(await answerer.explain(photo.file, photo.name, best.label));
    } catch (error) {
      setTrouble(error instanceof Error ? error.message : String(error));
    }
    setLooking(false);
  };
  const cost = modelBytes > 0 ? `, ${megabytes(modelBytes + RUNTIME_SIZES.wasm.packed)}` : "";
  const json = JSON.stringify({ file: photo.name, ...best, top: answer.confidences, by: answer.engine }, null, 2);
  return (
    <>
      <div class="row">
        {device !== "none" && (
          <button type="button" class="button" aria-pressed={map !== undefined} disabled={looking} onClick={toggle}>
            {looking ? "Looking…" : "What it looked at"}
          </button>
        )}
        <button type="button" class="button" onClick={() => setCorrecting(true)}>
          Correct it
        </button>
        <Copy text={json} what="the answer as JSON" />
      </div>
      <p class="quiet small live" role="status">
        {looking && device !== "ready" && `Maps are made on this device: fetching the recogniser${cost}…`}
      </p>
      {trouble !== "" && (
        <p class="note" role="alert">
          {trouble}
        </p>
      )}
      {correcting && (
        <CorrectIt photo={photo} url={corrections} onCorrected={onCorrected} onClose={() => setCorrecting(false)} />
      )}
    </>
  );
}
