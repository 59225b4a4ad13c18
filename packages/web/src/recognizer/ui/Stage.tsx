// The photo in the middle, with the map of what the answer rests on over it.

import { useEffect, useRef, useState } from "preact/hooks";
import type { HeatMap } from "../device/protocol.ts";
import type { PagePhoto } from "../photos.ts";
import { brightest } from "../words.ts";

interface Props {
  readonly photo: PagePhoto;
  readonly map: HeatMap | undefined;
}

export function Stage({ photo, map }: Props) {
  const best = photo.answer?.confidences[0]?.label;
  /** The server may read what the browser cannot, TIFF for one. */
  const [unseen, setUnseen] = useState<string>();
  return (
    <figure class="stage">
      <div class="frame">
        {unseen === photo.url ? (
          <p class="unseen quiet">The browser cannot show this file.</p>
        ) : (
          <img
            src={photo.url}
            alt={photo.isExample ? "The example picture" : `Your photo ${photo.name}`}
            onError={() => setUnseen(photo.url)}
          />
        )}
        {map !== undefined && <Overlay map={map} />}
      </div>
      <figcaption class="quiet small">
        {photo.name}
        {map !== undefined && best !== undefined && (
          <span>
            {" "}
            · “{best}” rests most on {brightest(map)}; outside the frame nothing was looked at
          </span>
        )}
      </figcaption>
    </figure>
  );
}

function Overlay({ map }: { readonly map: HeatMap }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (context) context.putImageData(new ImageData(colours(map), map.width, map.height), 0, 0);
  }, [map]);
  const { left, top, width, height } = map.area;
  const share = (value: number) => `${(100 * value).toFixed(2)}%`;
  return (
    <canvas
      ref={canvas}
      class="overlay"
      width={map.width}
      height={map.height}
      style={{ left: share(left), top: share(top), width: share(width), height: share(height) }}
    />
  );
}

/** Yellow to red where a place speaks for the label, nothing where it does not. */
function colours({ values }: HeatMap): Uint8ClampedArray<ArrayBuffer> {
  const most = Math.max(...values, Number.MIN_VALUE);
  const pixels = new Uint8ClampedArray(values.length * 4);
  values.forEach((value, i) => {
    const share = Math.max(0, value / most);
    pixels.set([255, 230 - 190 * share, 40 * (1 - share), 190 * share ** 0.7], i * 4);
  });
  return pixels;
}
