// `.review/applied`: every `apply` as a file that was whole on the disk before the first photo was moved, and what became of it.

import { open, readdir, readFile, unlink } from "node:fs/promises";
import { join } from "node:path";
import { CREDITS_FILE } from "../collect/folder.ts";
import { METADATA_FILE } from "../data/metadata.ts";
import { makeFolders, writeAtomic } from "../run/writeAtomic.ts";
import { isInside, isInTrash } from "../trash/journal.ts";
import type { Move } from "./plan.ts";

/** What `undo` brings back byte for byte, besides the photos. */
export const RECORDS: readonly string[] = [METADATA_FILE, CREDITS_FILE];

export const REVIEW_FOLDER = ".review";
const APPLIED = `${REVIEW_FOLDER}/applied`;

/** `planned` may be half done, `undoing` half undone. */
export type PlanStatus = "planned" | "done" | "undoing" | "undone";

export interface SavedPlan {
  readonly number: number;
  readonly status: PlanStatus;
  /** When it was made, ISO 8601. */
  readonly at: string;
  /** Class folders that it made. */
  readonly made: readonly string[];
  readonly moves: readonly Move[];
}

const STATUSES: readonly string[] = ["done", "undoing", "undone"];

/** All plans, the first one first. What cannot be read, or leads out of the data set, is passed over. */
export async function readPlans(root: string): Promise<SavedPlan[]> {
  const names = await readdir(join(root, APPLIED)).catch(() => []);
  const numbers = names.flatMap((name) => /^(\d{6})\.jsonl$/.exec(name)?.[1] ?? []).sort();
  const plans = await Promise.all(
    numbers.map(async (number) => parsePlan(Number(number), await readFile(planPath(root, Number(number)), "utf8"))),
  );
  return plans.filter((plan) => plan !== undefined);
}

/** Both the plan and copies of the data set's records, as they are now, are on the disk when this returns. */
export async function savePlan(
  root: string,
  { number, at, made, moves }: Omit<SavedPlan, "status">,
  records: Readonly<Record<string, Uint8Array>>,
): Promise<void> {
  await makeFolders(join(root, APPLIED));
  for (const [name, content] of Object.entries(records)) await writeAtomic(recordPath(root, number, name), content);
  const lines = [{ ballsight: "apply", at, made }, ...moves].map((line) => `${JSON.stringify(line)}\n`);
  await writeAtomic(planPath(root, number), lines.join(""));
}

/** Says what became of a plan; on the disk when this returns. */
export async function noteStatus(root: string, number: number, status: Exclude<PlanStatus, "planned">): Promise<void> {
  const file = await open(planPath(root, number), "a");
  try {
    // A line break first: a kill may have cut the line before.
    await file.appendFile(`\n${JSON.stringify({ status, at: new Date().toISOString() })}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** A record of the data set as it was before the plan; undefined where there was none. */
export async function savedRecord(root: string, number: number, name: string): Promise<Buffer | undefined> {
  return await readFile(recordPath(root, number, name)).catch(() => undefined);
}

export async function forgetRecords(root: string, number: number, names: readonly string[]): Promise<void> {
  for (const name of names) await unlink(recordPath(root, number, name)).catch(() => undefined);
}

const stem = (number: number) => String(number).padStart(6, "0");
const planPath = (root: string, number: number) => join(root, APPLIED, `${stem(number)}.jsonl`);
const recordPath = (root: string, number: number, name: string) => join(root, APPLIED, `${stem(number)}.${name}`);

function parsePlan(number: number, text: string): SavedPlan | undefined {
  const [head, ...lines] = text.split("\n").flatMap(parseLine);
  if (head?.ballsight !== "apply" || typeof head.at !== "string") return undefined;
  const statuses = lines.flatMap(({ status }) => (STATUSES.includes(status as string) ? (status as PlanStatus) : []));
  const made = Array.isArray(head.made) ? head.made.filter(isInside) : [];
  return { number, status: statuses.at(-1) ?? "planned", at: head.at, made, moves: lines.filter(isMove) };
}

function parseLine(line: string): Record<string, unknown>[] {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? [value as Record<string, unknown>] : [];
  } catch {
    return [];
  }
}

/** Data sets come from strangers: no plan may lead out of the folder. */
function isMove(value: Record<string, unknown>): value is Record<string, unknown> & Move {
  const { action, file, to, sha256, why, decided, beside } = value;
  if (!isInside(file) || typeof sha256 !== "string" || !Array.isArray(why)) return false;
  if (decided !== undefined && typeof decided !== "string") return false;
  if (beside !== undefined && !(Array.isArray(beside) && beside.every((name) => typeof name === "string")))
    return false;
  return action === "move" ? isInside(to) : action === "trash" && isInTrash(to);
}
