// What the site's own pages share with the recogniser: its style sheet, its policy, its head and footer.

import { type Html, html, text } from "../report/html.ts";

export interface SitePage {
  readonly title: string;
  /** In the browser's tab before the site's title; none on the first page. */
  readonly kind?: string;
  readonly description: string;
  /** Of the recogniser page, relative. */
  readonly stylesheet: string;
  /** Which of LINKS this page is. */
  readonly here: string;
  readonly body: Html;
}

/** The pages of the site, in the order of the menu. */
export const LINKS = [
  { text: "Home", href: "index.html" },
  { text: "Recogniser", href: "recognizer.html" },
  { text: "Model card", href: "card.html" },
] as const;

const POLICY = "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'";

export function renderSitePage({ title, kind, description, stylesheet, here, body }: SitePage): string {
  const link = ({ text, href }: (typeof LINKS)[number]) =>
    href === here ? html`<a href="${href}" aria-current="page">${text}</a>` : html`<a href="${href}">${text}</a>`;
  return text(html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="description" content="${description}">
<title>${kind === undefined ? title : `${kind} · ${title}`}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${stylesheet}">
</head>
<body>
<header class="top">
<p class="brand">${title}</p>
<nav aria-label="Pages">${link(LINKS[0])}${link(LINKS[1])}${link(LINKS[2])}</nav>
</header>
<main>
${body}
</main>
</body>
</html>
`);
}
