// The store, the virtual list and a photo's details, as components take them up.

import {
  elementScroll,
  observeElementOffset,
  observeElementRect,
  type VirtualItem,
  Virtualizer,
} from "@tanstack/virtual-core";
import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useReducer, useState } from "preact/hooks";
import { type Detail, getDetail } from "./api.ts";
import type { Store } from "./store.ts";

/** Draws the component anew whenever the store has changed. */
export function useStore(store: Store): void {
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  useEffect(() => store.subscribe(() => redraw(undefined)), [store]);
}

export interface Rows {
  readonly items: readonly VirtualItem[];
  /** Pixels. */
  readonly total: number;
  show(row: number): void;
}

/** Only the rows near the window exist: a hundred thousand cards would be a million elements. */
export function useRows(scroller: RefObject<HTMLElement | null>, count: number, height: number): Rows {
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const options = {
    count,
    estimateSize: () => height,
    overscan: 3,
    getScrollElement: () => scroller.current,
    scrollToFn: elementScroll,
    observeElementRect,
    observeElementOffset,
    onChange: () => redraw(undefined),
  };
  const [rows] = useState(() => new Virtualizer<HTMLElement, HTMLElement>(options));
  rows.setOptions(options);
  useLayoutEffect(() => rows._didMount(), [rows]);
  useLayoutEffect(() => rows._willUpdate());
  // Measured sizes are of the old height.
  useLayoutEffect(() => rows.measure(), [rows, height]);
  return {
    items: rows.getVirtualItems(),
    total: rows.getTotalSize(),
    show: (row) => rows.scrollToIndex(row, { align: "auto" }),
  };
}

/** The inner width of an element, pixels; 0 before it is drawn. */
export function useWidth(element: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const target = element.current;
    if (target === null) return;
    const observer = new ResizeObserver(() => setWidth(target.clientWidth));
    observer.observe(target);
    setWidth(target.clientWidth);
    return () => observer.disconnect();
  }, [element]);
  return width;
}

/** Details of a photo; undefined while they are on their way. Who holds an arrow key down asks for none. */
export function useDetail(id: number | undefined): Detail | undefined {
  const [known, setKnown] = useState<{ id: number; detail: Detail }>();
  useEffect(() => {
    if (id === undefined) return;
    let isOver = false;
    const timer = setTimeout(async () => {
      const detail = await getDetail(id).catch(() => undefined);
      if (!isOver && detail !== undefined) setKnown({ id, detail });
    }, 60);
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [id]);
  return known?.id === id ? known?.detail : undefined;
}
