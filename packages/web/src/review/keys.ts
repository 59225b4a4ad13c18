// What a key does: one key per class, the other letters for everything else.

export type Command =
  | { readonly do: "class"; readonly label: string }
  | { readonly do: "move"; readonly by: "left" | "right" | "up" | "down" | "first" | "last"; readonly extend: boolean }
  | { readonly do: "accept" | "keep" | "exclude" | "undo" | "select" | "all" | "clear" | "zoom" | "compare" | "help" };

const DIGITS = "1234567890";

/** Letters that mean something else. */
const TAKEN: Readonly<Record<string, Command["do"] & string>> = {
  k: "keep",
  x: "exclude",
  u: "undo",
  a: "all",
  z: "zoom",
  c: "compare",
};

const MOVES: Readonly<Record<string, (Command & { do: "move" })["by"]>> = {
  ArrowLeft: "left",
  ArrowRight: "right",
  ArrowUp: "up",
  ArrowDown: "down",
  Home: "first",
  End: "last",
};

/** The first ten classes have digits, further ones a letter of their name, or any that is left; none where there is none. */
export function classKeys(classes: readonly string[]): ReadonlyMap<string, string> {
  const keys = new Map<string, string>();
  const used = new Set(Object.keys(TAKEN));
  for (const [i, label] of classes.entries()) {
    const letters = [...label.toLowerCase(), ..."abcdefghijklmnopqrstuvwxyz"];
    const key = i < DIGITS.length ? DIGITS[i] : letters.find((letter) => /^[a-z]$/.test(letter) && !used.has(letter));
    if (key === undefined) continue;
    used.add(key);
    keys.set(label, key);
  }
  return keys;
}

/** What a key that is held down goes on doing. Nothing is decided, and nothing undone, about a photo that nobody had the time to see. */
export const repeats = (command: Command) => command.do === "move";

export interface Pressed {
  readonly key: string;
  readonly shiftKey: boolean;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
}

/** Undefined for keys that belong to the browser. */
export function commandOf(pressed: Pressed, keys: ReadonlyMap<string, string>): Command | undefined {
  const { key, shiftKey: extend } = pressed;
  const letter = key.length === 1 ? key.toLowerCase() : key;
  if (pressed.altKey) return undefined;
  if (pressed.ctrlKey || pressed.metaKey) {
    if (letter === "a") return { do: "all" };
    return letter === "z" ? { do: "undo" } : undefined;
  }
  const by = MOVES[key];
  if (by !== undefined) return { do: "move", by, extend };
  if (key === "Enter") return { do: "accept" };
  if (key === " ") return { do: "select" };
  if (key === "Escape") return { do: "clear" };
  if (key === "?") return { do: "help" };
  const taken = TAKEN[letter];
  if (taken !== undefined) return { do: taken } as Command;
  const label = [...keys].find(([, own]) => own === letter)?.[0];
  return label === undefined ? undefined : { do: "class", label };
}
