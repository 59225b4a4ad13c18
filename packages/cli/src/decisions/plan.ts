// From decisions to moves: which photo goes where, worked out in full before the first file is touched.

import { basename } from "node:path";
import type { Metadata, MetadataRow } from "../data/metadata.ts";
import type { Decision } from "./entries.ts";
import { type Decisions, type KnownPhoto, standing } from "./state.ts";

export interface Move {
  /** To another class, or into `.trash`. Paths are relative to the data set's folder, with forward slashes. */
  readonly action: "move" | "trash";
  readonly file: string;
  readonly to: string;
  readonly sha256: string;
  /** Of `move`: the new label. */
  readonly label?: string;
  /** The kinds of issue that led to the decision. */
  readonly why: readonly string[];
  /** Its row of metadata.jsonl as it is before. */
  readonly row?: MetadataRow;
}

/** A decision that cannot be carried out, or no longer should be. */
export interface Left {
  /**
   * `gone`: no photo of that content; `elsewhere`: somebody moved it to a third class; `only`: the photo that it is a copy of has gone;
   * `restored`: brought back by `restore` since.
   */
  readonly reason: "gone" | "elsewhere" | "only" | "restored";
  readonly file: string;
  readonly action: "relabel" | "exclude";
}

export interface Plan {
  readonly moves: readonly Move[];
  readonly left: readonly Left[];
}

export interface PlanOptions {
  /** All of the data set, with the hashes that they have now. */
  readonly photos: readonly KnownPhoto[];
  readonly decisions: Decisions;
  readonly metadata: Metadata;
  /** Contents that lie in the trash. */
  readonly trashed: ReadonlySet<string>;
  /** When `restore` last brought a file back, ISO 8601. */
  readonly restored: ReadonlyMap<string, string>;
  /** A free place in the trash, and a free name in the data set; neither is given twice. */
  readonly trashPlace: (file: string) => Promise<string>;
  readonly freeName: (file: string) => Promise<string>;
}

export async function makePlan(options: PlanOptions): Promise<Plan> {
  const { photos, decisions, metadata } = options;
  const names = filesByHash(photos);
  // Copies that are taken out are counted down, so that one stays.
  const staying = new Map([...names].map(([sha256, files]) => [sha256, new Set(files)]));
  const folders = new Map(photos.map(({ file, label }) => [label, file.slice(0, file.indexOf("/"))]));
  const moves: Move[] = [];
  const left: Left[] = [];
  for (const photo of photos) {
    const { file, label, sha256 } = photo;
    const decision = decisions.for(photo, names.get(sha256)!);
    if (decision === undefined || decision.action === "keep") continue;
    const { action, to, of } = decision;
    const stands = standing(decision, label);
    if (stands === "settled") continue;
    const leave = (reason: Left["reason"]) => left.push({ reason, file, action });
    if (stands === "none") {
      // Another photo of the same bytes is not what was decided about.
      if (decision.file === file || names.get(sha256)!.size === 1) leave("elsewhere");
      continue;
    }
    const row = metadata.get(file);
    const known = { file, sha256, why: decision.why.map(({ kind }) => kind), ...(row !== undefined && { row }) };
    if (action === "relabel") {
      const wanted = `${folders.get(to!) ?? to!}/${basename(file)}`;
      moves.push({ action: "move", ...known, to: await options.freeName(wanted), label: to! });
      continue;
    }
    if ((options.restored.get(file) ?? "") > decision.at) {
      leave("restored");
      continue;
    }
    if (of !== undefined && ![...(staying.get(of) ?? [])].some((other) => other !== file)) {
      leave("only");
      continue;
    }
    staying.get(sha256)!.delete(file);
    moves.push({ action: "trash", ...known, to: await options.trashPlace(file) });
  }
  return { moves, left: [...left, ...gone(options, names)] };
}

function gone({ decisions, trashed }: PlanOptions, names: ReadonlyMap<string, unknown>): Left[] {
  return decisions.hashes().flatMap((sha256): Left[] => {
    const last = decisions.of(sha256).at(-1) as Decision;
    if (last.action === "keep" || names.has(sha256) || trashed.has(sha256)) return [];
    return [{ reason: "gone", file: last.file, action: last.action }];
  });
}

/** Names of the files that hold a content. */
export function filesByHash(photos: Iterable<KnownPhoto>): Map<string, Set<string>> {
  const names = new Map<string, Set<string>>();
  for (const { sha256, file } of photos) names.set(sha256, (names.get(sha256) ?? new Set()).add(file));
  return names;
}

/** metadata.jsonl as it is after a move. */
export function rowAfterMove({ to, label }: Move, row: MetadataRow): MetadataRow {
  return { ...row, file_name: to, ...("label" in row && { label }) };
}
