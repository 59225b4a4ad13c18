// Dropping and pasting, which work on the whole page.

import { useEffect, useState } from "preact/hooks";
import { fromTransfer, type Incoming } from "../incoming.ts";

/** Returns whether something is being dragged over the page. */
export function useWaysIn(onPhotos: (found: readonly Incoming[]) => void, onTrouble: (words: string) => void): boolean {
  const [dragging, setDragging] = useState(false);
  useEffect(() => {
    const listening = new AbortController();
    const listen = <T extends keyof DocumentEventMap>(type: T, listener: (event: DocumentEventMap[T]) => void) =>
      document.addEventListener(type, listener, { signal: listening.signal });
    const take = async (transfer: DataTransfer | null) => {
      if (transfer === null) return;
      if (transfer.files.length === 0) return onTrouble("That was no file; save the picture first, then drop it here.");
      const found = await fromTransfer(transfer);
      if (found.length === 0) return onTrouble("There are no files in that folder.");
      onPhotos(found);
    };
    listen("paste", ({ clipboardData }) => {
      // Text that is pasted into a field is none of ours.
      if (clipboardData !== null && clipboardData.files.length > 0) void take(clipboardData);
    });
    listen("dragover", (event) => {
      // Else the browser leaves the page for the photo.
      event.preventDefault();
      setDragging(true);
    });
    listen("dragleave", ({ relatedTarget }) => {
      if (relatedTarget === null) setDragging(false);
    });
    listen("drop", (event) => {
      event.preventDefault();
      setDragging(false);
      void take(event.dataTransfer);
    });
    return () => listening.abort();
  }, [onPhotos, onTrouble]);
  return dragging;
}
