// The camera in a dialog: the one at the back where there are two.

import { useEffect, useRef, useState } from "preact/hooks";
import type { Incoming } from "../incoming.ts";

interface Props {
  readonly onPhoto: (photo: Incoming) => void;
  readonly onClose: () => void;
}

type Facing = "environment" | "user";

export function Camera({ onPhoto, onClose }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const video = useRef<HTMLVideoElement>(null);
  const [facing, setFacing] = useState<Facing>("environment");
  const [trouble, setTrouble] = useState("");
  const [ready, setReady] = useState(false);

  useEffect(() => dialog.current?.showModal(), []);

  useEffect(() => {
    let stream: MediaStream | undefined;
    let over = false;
    setReady(false);
    navigator.mediaDevices
      .getUserMedia({ video: { facingMode: facing, width: { ideal: 1280 }, height: { ideal: 960 } } })
      .then((opened) => {
        stream = opened;
        if (over) return stop(opened);
        video.current!.srcObject = opened;
      })
      .catch((error: Error) => setTrouble(TROUBLE[error.name] ?? `The camera does not start: ${error.message}`));
    return () => {
      over = true;
      stop(stream);
    };
  }, [facing]);

  const take = () => {
    const { videoWidth, videoHeight } = video.current!;
    const canvas = Object.assign(document.createElement("canvas"), { width: videoWidth, height: videoHeight });
    canvas.getContext("2d")?.drawImage(video.current!, 0, 0);
    canvas.toBlob(
      (file) => {
        if (file === null) return setTrouble("The camera gave no picture.");
        onPhoto({ file, name: `camera ${new Date().toTimeString().slice(0, 8)}.jpg` });
        // A dialog that is closed gives the focus back, one that is taken away does not.
        dialog.current?.close();
      },
      "image/jpeg",
      0.95,
    );
  };

  return (
    <dialog ref={dialog} class="camera" aria-label="Camera" onClose={onClose}>
      {trouble === "" ? (
        <video
          ref={video}
          autoplay
          playsinline
          muted
          onLoadedData={() => setReady(true)}
          aria-label="What the camera sees"
        />
      ) : (
        <p class="note" role="alert">
          {trouble}
        </p>
      )}
      <div class="row">
        <button type="button" class="button primary" disabled={!ready} onClick={take}>
          Take the photo
        </button>
        <button
          type="button"
          class="button"
          onClick={() => setFacing(facing === "user" ? "environment" : "user")}
          disabled={trouble !== ""}
        >
          Other camera
        </button>
        <button type="button" class="button" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </div>
    </dialog>
  );
}

const TROUBLE: Readonly<Record<string, string>> = {
  NotAllowedError: "The browser does not let this page use the camera; allow it in the address bar.",
  NotFoundError: "This device has no camera.",
  NotReadableError: "The camera is in use by another program.",
};

function stop(stream: MediaStream | undefined): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}
