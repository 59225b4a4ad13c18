// What a line of decisions.jsonl may say. Data sets are passed on, so every line is somebody else's word until it was looked at.

/** What `clean` said of a photo when it was decided: whether to ask again later is measured against it. */
export interface Opinion {
  readonly kind: string;
  readonly score: number;
  /** The label that was suggested. */
  readonly label?: string;
}

export const ACTIONS = ["keep", "relabel", "exclude"] as const;

export type Action = (typeof ACTIONS)[number];

/** A photo is what its content is: its name may change. The decision is about it under one label, `from`. */
export interface Decision {
  /** When, ISO 8601. */
  readonly at: string;
  readonly who: string;
  /** Decisions made at one stroke share it, and are undone together. */
  readonly step: string;
  readonly action: Action;
  /** Of the content, lower-case hex. */
  readonly sha256: string;
  /** Its name then: tells copies of the same bytes apart. */
  readonly file: string;
  readonly from: string;
  /** Of `relabel`: the new label. */
  readonly to?: string;
  /** Of a copy that is taken out: the content of the one that stays. Without that one it must not go. */
  readonly of?: string;
  readonly why: readonly Opinion[];
}

export interface Undo {
  readonly at: string;
  readonly who: string;
  readonly action: "undo";
  /** The step that no longer counts. */
  readonly step: string;
}

export type Entry = Decision | Undo;

/** Undefined for what is none of ours: half a line after a kill, another program's, or a label that is no folder's name. */
export function parseEntry(line: string): Entry | undefined {
  try {
    const value = JSON.parse(line) as Record<string, unknown>;
    const { at, who, step, action } = value;
    if (![at, who, step].every(isText)) return undefined;
    if (action === "undo") return value as unknown as Undo;
    return isDecision(value) ? { ...value, why: opinions(value.why) } : undefined;
  } catch {
    return undefined;
  }
}

function isDecision(value: Record<string, unknown>): value is Record<string, unknown> & Decision {
  const { action, sha256, file, from, to, of } = value;
  if (!ACTIONS.some((known) => known === action) || !isHash(sha256) || !isText(file) || !isText(from)) return false;
  return (action !== "relabel" || isLabel(to)) && (of === undefined || isHash(of));
}

function opinions(value: unknown): Opinion[] {
  if (!Array.isArray(value)) return [];
  return value.filter((one: Partial<Opinion> | null) => typeof one?.kind === "string" && typeof one.score === "number");
}

export const isHash = (value: unknown): value is string => typeof value === "string" && /^[0-9a-f]{64}$/.test(value);

/** A class folder's name: photos are moved there, so it must not lead out of the data set or into a hidden folder. */
export const isLabel = (value: unknown): value is string =>
  isText(value) && !/[/\\]|\p{Cc}/u.test(value) && !value.startsWith(".") && value.length <= 200;

const isText = (value: unknown): value is string => typeof value === "string" && value !== "";
