// The same question from a program: snippets to copy.

import { useState } from "preact/hooks";
import type { Snippet } from "../snippets.ts";

export function UseIt({ title, snippets }: { readonly title: string; readonly snippets: readonly Snippet[] }) {
  return (
    <section aria-labelledby="use-title" class="panel">
      <h2 id="use-title">{title}</h2>
      {snippets.map((snippet) => (
        <details key={snippet.title}>
          <summary>{snippet.title}</summary>
          <div class="snippet">
            <pre>{snippet.code}</pre>
            <Copy text={snippet.code} what={snippet.title} />
          </div>
        </details>
      ))}
    </section>
  );
}

export function Copy({ text, what }: { readonly text: string; readonly what: string }) {
  const [said, setSaid] = useState("");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setSaid("Copied");
    } catch {
      setSaid("Not allowed here");
    }
    setTimeout(() => setSaid(""), 2000);
  };
  return (
    <button type="button" class="button" onClick={copy}>
      <span aria-live="polite">{said === "" ? "Copy" : said}</span>
      <span class="aloud"> {what}</span>
    </button>
  );
}
