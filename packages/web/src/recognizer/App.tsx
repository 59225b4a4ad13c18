// The page: photos in, answers out, and what is around them.

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { Answerer } from "./answerer.ts";
import type { HeatMap } from "./device/protocol.ts";
import { type Incoming, MAX_PHOTOS } from "./incoming.ts";
import type { Offline } from "./offline/keep.ts";
import type { Photos } from "./photos.ts";
import { savesData } from "./savesData.ts";
import type { Example, SiteConfig } from "./siteConfig.ts";
import { apiSnippets, modelSnippets } from "./snippets.ts";
import { spoken } from "./spoken.ts";
import { useStore } from "./store.ts";
import { Actions } from "./ui/Actions.tsx";
import { AllPhotos } from "./ui/AllPhotos.tsx";
import { Badge } from "./ui/Badge.tsx";
import { Examples } from "./ui/Examples.tsx";
import { Stage } from "./ui/Stage.tsx";
import { UseIt } from "./ui/UseIt.tsx";
import { useWaysIn } from "./ui/useWaysIn.ts";
import { Verdict } from "./ui/Verdict.tsx";
import { WaysIn } from "./ui/WaysIn.tsx";
import { Where } from "./ui/Where.tsx";

interface Props {
  readonly config: SiteConfig;
  readonly answerer: Answerer;
  readonly photos: Photos;
  readonly offline: Offline;
}

export function App({ config, answerer, photos, offline }: Props) {
  const gallery = useStore(photos.state);
  const [trouble, setTrouble] = useState("");
  const [maps, setMaps] = useState<ReadonlyMap<number, HeatMap>>(new Map());
  const photo = gallery.photos.find(({ id }) => id === gallery.shown);
  const map = photo === undefined ? undefined : maps.get(photo.id);

  const bring = useCallback(
    (found: readonly Incoming[]) => {
      const many = found.length > MAX_PHOTOS;
      setTrouble(many ? `These are ${found.length} photos; the first ${MAX_PHOTOS} were taken.` : "");
      photos.add(found.slice(0, MAX_PHOTOS));
    },
    [photos],
  );
  const pick = useCallback(
    async ({ file, label }: Example, isWanted: () => boolean = () => true) => {
      try {
        const photo = await fetchPhoto(file);
        if (isWanted()) photos.add([{ file: photo, name: `example ${label}` }], true);
      } catch {
        setTrouble("The example cannot be fetched; check the connection.");
      }
    },
    [photos],
  );
  const dragging = useWaysIn(bring, setTrouble);

  useEffect(() => {
    void answerer.prepare();
    const [first] = config.examples;
    // The first answer needs no action, but whoever counts megabytes decides.
    if (first === undefined || (answerer.place !== "server" && savesData())) return;
    // Photos that somebody brought while it was fetched come first.
    void pick(first, () => photos.state.value.photos.length === 0);
  }, [answerer, config, pick, photos]);

  const answer = useRef<HTMLElement>(null);
  const probe = async () => {
    const [example] = config.examples;
    if (photo !== undefined || example === undefined) return photo?.file;
    return fetchPhoto(example.file).catch(() => {
      throw new Error("the example cannot be fetched; check the connection");
    });
  };
  return (
    <>
      <header class="top">
        <h1>{config.title}</h1>
        {config.links.length > 0 && (
          <nav aria-label="Pages">
            {config.links.map(({ text, href }) => (
              <a key={href} href={href}>
                {text}
              </a>
            ))}
          </nav>
        )}
        <Badge answerer={answerer} />
      </header>
      <p class="aloud" aria-live="polite" data-testid="aloud">
        {spoken(gallery, map, config.threshold)}
      </p>
      <main>
        <section aria-label="Photo and answer" class="answer" tabindex={-1} ref={answer}>
          <div class="left">
            {photo === undefined ? <Empty labels={config.labels} /> : <Stage photo={photo} map={map} />}
            <WaysIn onPhotos={bring} onTrouble={setTrouble} />
            {trouble !== "" && (
              <p class="note" role="alert">
                {trouble}
              </p>
            )}
          </div>
          {photo !== undefined && (
            <div class="right" key={photo.id}>
              <Verdict
                photo={photo}
                answerer={answerer}
                threshold={config.threshold}
                onAnswerHere={() => photos.answerHere(photo.id)}
                onRetry={() => photos.retry(photo.id)}
              />
              <Actions
                photo={photo}
                answerer={answerer}
                corrections={config.corrections}
                modelBytes={config.model?.bytes ?? 0}
                map={map}
                onMap={(made) => setMaps((known) => withMap(known, photo.id, made))}
                onCorrected={(label) => photos.correct(photo.id, label)}
              />
            </div>
          )}
        </section>
        {gallery.photos.length > 1 && (
          <AllPhotos
            gallery={gallery}
            photos={photos}
            threshold={config.threshold}
            onGone={() => answer.current?.focus()}
          />
        )}
        <Examples examples={config.examples} onPick={pick} />
        <div class="pair">
          <Where answerer={answerer} config={config} offline={offline} probe={probe} />
          <FromPrograms config={config} answerer={answerer} />
        </div>
      </main>
      {dragging && (
        <div class="curtain" aria-hidden="true">
          Drop the photos
        </div>
      )}
    </>
  );
}

function Empty({ labels }: { readonly labels: readonly string[] }) {
  return (
    <div class="empty">
      <p>A photo, and the page says what is in it{labels.length === 0 ? "." : `: ${list(labels)}.`}</p>
    </div>
  );
}

function FromPrograms({ config, answerer }: Pick<Props, "config" | "answerer">) {
  const { server } = answerer;
  if (server !== undefined)
    return <UseIt title="Use it from a program" snippets={apiSnippets(server.url, config.models !== null)} />;
  if (config.model === null) return null;
  const url = new URL(config.model.url, document.baseURI).href;
  return <UseIt title="Use the model in a program" snippets={modelSnippets(url, config.labels)} />;
}

function withMap(maps: ReadonlyMap<number, HeatMap>, id: number, made: HeatMap | undefined) {
  const others = new Map(maps);
  if (made === undefined) others.delete(id);
  else others.set(id, made);
  return others;
}

const list = (labels: readonly string[]) => new Intl.ListFormat("en", { type: "disjunction" }).format(labels);

async function fetchPhoto(file: string): Promise<Blob> {
  const response = await fetch(file);
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return response.blob();
}
