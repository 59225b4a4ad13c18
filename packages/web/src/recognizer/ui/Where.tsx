// The switch between the two backends, and the GPU.

import type { Answerer, Mode } from "../answerer.ts";
import { RUNTIME_SIZES } from "../device/sizes.ts";
import type { Offline } from "../offline/keep.ts";
import type { SiteConfig } from "../siteConfig.ts";
import { useStore } from "../store.ts";
import { hostWords, megabytes } from "../words.ts";

interface Props {
  readonly answerer: Answerer;
  readonly config: SiteConfig;
  readonly offline: Offline;
  /** A photo that GPU and wasm must agree on. */
  readonly probe: () => Promise<Blob | undefined>;
}

export function Where({ answerer, config, offline, probe }: Props) {
  const { mode, server, reason, device, gpu, gpuReason } = useStore(answerer.state);
  const { status } = useStore(offline.state);
  const host = answerer.server === undefined ? "" : hostWords(answerer.server.url);
  const both = answerer.server !== undefined && config.model !== null;
  const choice = (value: Mode, title: string, text: string) => (
    <label class="choice">
      <input type="radio" name="mode" value={value} checked={mode === value} onChange={() => answerer.use(value)} />
      <span class="choice-text">
        <b>{title}</b>
        <span class="quiet small">{text}</span>
      </span>
    </label>
  );
  const size = config.model === null ? 0 : config.model.bytes;
  const { wasm, webgpu } = RUNTIME_SIZES;
  const cost = `fetched once: the runtime, ${megabytes(wasm.bytes)} (packed ${megabytes(wasm.packed)}), and the model${size > 0 ? `, ${megabytes(size)}` : ""}`;
  return (
    <section aria-labelledby="where-title" class="panel">
      <h2 id="where-title">Where photos are looked at</h2>
      {both && (
        <fieldset class="choices">
          <legend class="aloud">Where photos are looked at</legend>
          {choice("auto", "Automatic", `${host}; on this device when it is away`)}
          {choice("server", "Server", `${host} sees every photo`)}
          {choice("device", "This device", `No photo leaves it; ${cost}`)}
        </fieldset>
      )}
      {!both && config.model !== null && (
        <p class="quiet">On this device, in the browser; {cost}. No photo is sent anywhere.</p>
      )}
      {!both && config.model === null && <p class="quiet">On {host}: this page has no model of its own.</p>}
      {server === "away" && (
        <p class="note">
          {host} does not answer: {reason}.{" "}
          <button type="button" class="button plain" onClick={() => void answerer.prepare()}>
            Try it again
          </button>
        </p>
      )}
      {config.model !== null && (
        <label class="choice">
          <input
            type="checkbox"
            checked={gpu !== "off"}
            disabled={gpu === "checking"}
            onChange={({ currentTarget: { checked } }) => void (checked ? answerer.useGpu(probe) : answerer.leaveGpu())}
          />
          <span class="choice-text">
            <b>Use the graphics card on this device</b>
            <span class="quiet small" role="status">
              {gpu === "checking" && "Comparing its answer with the processor's…"}
              {gpu === "on" && "It gives the same answers as the processor."}
              {gpu === "off" &&
                (gpuReason === ""
                  ? `WebGPU; fetches ${megabytes(webgpu.bytes)} (packed ${megabytes(webgpu.packed)}) more`
                  : `Not used: ${gpuReason}.`)}
            </span>
          </span>
        </label>
      )}
      <p class="quiet small live" role="status">
        {status === "kept" && "This page works without a network from now on."}
      </p>
      {device === "failed" && <p class="note">The recogniser could not be loaded into this browser.</p>}
    </section>
  );
}
