// The buttons that bring photos in: choose, camera, paste. Dropping works on the whole page.

import { useRef, useState } from "preact/hooks";
import { fromFiles, type Incoming } from "../incoming.ts";
import { Camera } from "./Camera.tsx";

interface Props {
  readonly onPhotos: (photos: readonly Incoming[]) => void;
  readonly onTrouble: (words: string) => void;
}

/** What iOS would hand over as HEIC comes as JPEG where these are asked for. */
const ACCEPT = "image/jpeg,image/png,image/webp,image/avif,image/gif,image/bmp,image/tiff";

export function WaysIn({ onPhotos, onTrouble }: Props) {
  const files = useRef<HTMLInputElement>(null);
  const shot = useRef<HTMLInputElement>(null);
  const [camera, setCamera] = useState(false);
  const take = ({ currentTarget: field }: { readonly currentTarget: HTMLInputElement }) => {
    onPhotos(fromFiles(field.files));
    // The same file again is a change too.
    field.value = "";
  };
  // Cameras in the page are for secure pages; phones have one behind the file field as well.
  const openCamera = () => ("mediaDevices" in navigator ? setCamera(true) : shot.current?.click());
  const paste = async () => {
    try {
      const items = await navigator.clipboard.read();
      const found = items.flatMap((item) => {
        const type = item.types.find((type) => type.startsWith("image/"));
        return type === undefined ? [] : [item.getType(type)];
      });
      const photos = await Promise.all(found);
      if (photos.length === 0) return onTrouble("There is no picture in the clipboard.");
      onPhotos(photos.map((file) => ({ file, name: "pasted.png" })));
    } catch {
      onTrouble("The browser does not let the page read the clipboard; press Ctrl+V or ⌘V instead.");
    }
  };
  return (
    <div class="ways">
      <input ref={files} type="file" accept={ACCEPT} multiple hidden onChange={take} id="files" aria-label="Photos" />
      <input ref={shot} type="file" accept="image/*" capture="environment" hidden onChange={take} aria-label="Camera" />
      <button type="button" class="button primary" onClick={() => files.current?.click()}>
        Choose photos
      </button>
      <button type="button" class="button" onClick={openCamera}>
        Camera
      </button>
      {"clipboard" in navigator && "read" in navigator.clipboard && (
        <button type="button" class="button" onClick={paste}>
          Paste
        </button>
      )}
      <p class="quiet small hint">or drop photos anywhere on this page</p>
      {camera && <Camera onPhoto={(photo) => onPhotos([photo])} onClose={() => setCamera(false)} />}
    </div>
  );
}
