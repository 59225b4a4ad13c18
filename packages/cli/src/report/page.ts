// What every report has: one page that asks nothing of the network, its headline, its notes, its settings.

import { type Html, html, join, text } from "./html.ts";
import { STYLE } from "./style.ts";

/** The whole page as it goes to disk. `kind` stands behind the name in the browser's tab. */
export function renderPage(title: string, kind: string, sections: readonly Html[]): string {
  return text(html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>${title} · ${kind}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
${join(sections.map((section) => html`${section}\n`))}</main>
</body>
</html>
`);
}

export interface Headline {
  /** `Training report`, say. */
  readonly kind: string;
  readonly title: string;
  /** Name and version of the program. */
  readonly program: string;
  /** ISO 8601, as the machine's own clock says. */
  readonly finishedAt: string;
  readonly figures: readonly (readonly [value: string, name: string])[];
  /** Sentences below the figures. */
  readonly remarks?: readonly string[];
}

export function headline({ kind, title, program, finishedAt, figures, remarks = [] }: Headline): Html {
  return html`<header>
<p class="kicker">${kind} · ${program}</p>
<h1>${title}</h1>
<dl class="figures">
${join(figures.map(([value, name]) => html`<div><dd>${value}</dd><dt>${name}</dt></div>\n`))}</dl>
${join(remarks.map((remark) => html`<p>${remark}</p>\n`))}<p class="quiet">Finished ${finishedAt.replace("T", " ").slice(0, 16)}</p>
</header>`;
}

export interface Notes {
  readonly warnings: readonly string[];
  readonly unreadable: readonly { readonly file: string; readonly message: string }[];
}

export function notes({ unreadable, warnings }: Notes): Html {
  if (unreadable.length === 0 && warnings.length === 0) return html``;
  const count = unreadable.length;
  const photos =
    count === 0
      ? html``
      : html`<details><summary>${count} ${count === 1 ? "photo" : "photos"} could not be read and took no part</summary>
<ul>${join(unreadable.map(({ file, message }) => html`<li><code>${file}</code> ${message}</li>`))}</ul></details>`;
  return html`<section class="notes"><h2>To know</h2>
<ul>${join(warnings.map((warning) => html`<li>${warning}</li>`))}</ul>${photos}</section>`;
}

/** Name and value, in the order shown. */
export type Settings = readonly (readonly [name: string, value: string | number | boolean])[];

export function settingsTable(settings: Settings): Html {
  const rows = settings.map(([name, value]) => html`<tr><th scope="row">${name}</th><td>${String(value)}</td></tr>`);
  return html`<section><h2>Settings</h2><table class="settings">${join(rows)}</table></section>`;
}
