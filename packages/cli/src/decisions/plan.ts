// From decisions to moves: which photo goes where, worked out in full before the first file is touched.

import { basename } from "node:path";
import type { Metadata, MetadataRow } from "../data/metadata.ts";
import type { Decision } from "./entries.ts";
import type { Decisions, KnownPhoto } from "./state.ts";
import { filesByHash, type Verdict, verdicts } from "./verdicts.ts";

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
  /** Its name in the decision, where that is another one. */
  readonly decided?: string;
  /** Other files of the same bytes; the first move of a content names them. They are not this photo under another name. */
  readonly beside?: readonly string[];
}

/** A decision that cannot be carried out, or no longer should be. */
export interface Left {
  /** `gone`: no photo of that content. */
  readonly reason: "gone" | Exclude<Verdict["outcome"], "relabel" | "exclude">;
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
  const { photos, metadata } = options;
  const names = filesByHash(photos);
  const folders = new Map(photos.map(({ file, label }) => [label, file.slice(0, file.indexOf("/"))]));
  const moves: Move[] = [];
  const left: Left[] = [];
  const named = new Set<string>();
  for (const { photo, decision, outcome } of verdicts(options)) {
    const { file, sha256 } = photo;
    if (outcome !== "relabel" && outcome !== "exclude") {
      left.push({ reason: outcome, file, action: decision.action as Left["action"] });
      continue;
    }
    const row = metadata.get(file);
    const beside = named.has(sha256) ? [] : [...names.get(sha256)!].filter((other) => other !== file);
    named.add(sha256);
    const known = {
      file,
      sha256,
      why: decision.why.map(({ kind }) => kind),
      ...(row !== undefined && { row }),
      ...(decision.file !== file && { decided: decision.file }),
      ...(beside.length > 0 && { beside }),
    };
    if (outcome === "exclude") {
      moves.push({ action: "trash", ...known, to: await options.trashPlace(file) });
      continue;
    }
    const label = decision.to!;
    const to = await options.freeName(`${folders.get(label) ?? label}/${basename(file)}`);
    moves.push({ action: "move", ...known, to, label });
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

/** metadata.jsonl as it is after a move. */
export function rowAfterMove({ to, label }: Move, row: MetadataRow): MetadataRow {
  return { ...row, file_name: to, ...("label" in row && { label }) };
}
