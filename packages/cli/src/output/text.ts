// Text for a terminal: names made harmless, columns, dimmed where a person looks.

/** File names come from strangers: control characters must not move the cursor or break the line. */
export function oneLine(text: string): string {
  return text.replace(/\p{Cc}/gu, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Exactly `width` columns at least; what is longer keeps its end, where file names differ. */
export function fit(text: string, width: number): string {
  const chars = [...text];
  return chars.length > width ? `…${chars.slice(1 - width).join("")}` : text.padEnd(width + text.length - chars.length);
}

/** A share of 1 as `97.1 %`, aligned. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(1).padStart(5)} %`;
}

/** Grey on a terminal, plain elsewhere and under NO_COLOR (https://no-color.org). */
export function dim(text: string, stream: { readonly isTTY?: boolean }): string {
  return stream.isTTY && !process.env.NO_COLOR ? `\u001b[2m${text}\u001b[22m` : text;
}
