// GET /openapi.json, generated from the routes, and GET /docs, the same as a page: HTML alone, no script, nothing from elsewhere.

import { type App, define } from "../http/route.ts";
import type { ServerContext } from "../http/services.ts";

interface Operation {
  readonly summary?: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema?: object }[];
  readonly requestBody?: { readonly content?: Readonly<Record<string, { readonly schema?: object }>> };
  readonly responses?: Readonly<Record<string, { readonly description?: string; readonly content?: object }>>;
}

const PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'";

export function docsRoutes(app: App, version: string): void {
  const document = () =>
    app.getOpenAPI31Document({
      openapi: "3.1.0",
      info: { title: "Ballsight", version, description: "Names what is in a photo.", license: { name: "MIT" } },
      // Relative to the document: behind a proxy only clients know this server's name and scheme.
      servers: [{ url: "/" }],
    });
  define(
    app,
    {
      method: "get",
      path: "/openapi.json",
      tags: ["About"],
      summary: "This API as OpenAPI 3.1",
      responses: { 200: { description: "OpenAPI" } },
    },
    (c) => c.json(document()),
  );
  define(
    app,
    {
      method: "get",
      path: "/docs",
      tags: ["About"],
      summary: "This API as a page",
      responses: { 200: { description: "HTML" } },
    },
    (c) => {
      const { paths, components } = document();
      const html = page(paths as Paths, components?.schemas ?? {}, originOf(c));
      return c.html(html, 200, { "content-security-policy": PAGE_POLICY });
    },
  );
}

/** As clients see it. */
function originOf(c: ServerContext): string {
  const { host } = new URL(c.req.url);
  const { trustProxy } = c.var.services;
  const schemes = (c.req.header("x-forwarded-proto") ?? "").split(",").map((scheme) => scheme.trim());
  const isTls = trustProxy > 0 && (schemes.at(-trustProxy) ?? schemes[0]) === "https";
  return `${isTls ? "https" : "http"}://${host}`;
}

type Paths = Readonly<Record<string, Readonly<Record<string, Operation>>>>;

function page(paths: Paths, schemas: object, origin: string): string {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  const tags = [...new Set(operations.map(({ operation }) => operation.tags?.[0] ?? "Other"))];
  const sections = tags.map((tag) => {
    const own = operations.filter(({ operation }) => (operation.tags?.[0] ?? "Other") === tag);
    return `<section><h2 id="${escapeHtml(tag)}">${escapeHtml(tag)}</h2>${own.map(operationHtml).join("")}</section>`;
  });
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Ballsight API</title><link rel="icon" href="data:,">
<style>${STYLE}</style></head>
<body>
<header><h1>Ballsight API</h1>
<p>Ask with a photo, get its label. The same as <a href="openapi.json">openapi.json</a>, for people.</p>
<pre>curl --data-binary @photo.jpg ${escapeHtml(origin)}/v1/predict</pre>
<nav aria-label="Parts">${tags.map((tag) => `<a href="#${escapeHtml(tag)}">${escapeHtml(tag)}</a>`).join(" ")} <a href="#schemas">Schemas</a></nav></header>
<main>
${sections.join("\n")}
<section><h2 id="schemas">Schemas</h2>${Object.entries(schemas).map(schemaHtml).join("")}</section>
</main>
</body>
</html>
`;
}

function operationHtml({ path, method, operation }: { path: string; method: string; operation: Operation }): string {
  const parameters = (operation.parameters ?? []).map(
    ({ name, in: where, schema }) =>
      `<li><code>${escapeHtml(name)}</code> in ${escapeHtml(where)} ${schemaText(schema)}</li>`,
  );
  const bodies = Object.entries(operation.requestBody?.content ?? {}).map(
    ([type, { schema }]) => `<li><code>${escapeHtml(type)}</code> ${schemaText(schema)}</li>`,
  );
  const responses = Object.entries(operation.responses ?? {}).map(
    ([status, { description, content }]) =>
      `<li><code>${escapeHtml(status)}</code> ${escapeHtml(description ?? "")} ${Object.entries(content ?? {})
        .map(([type, { schema }]) => `<code>${escapeHtml(type)}</code> ${schemaText(schema)}`)
        .join(", ")}</li>`,
  );
  const list = (title: string, items: readonly string[]) =>
    items.length === 0 ? "" : `<h4>${title}</h4><ul>${items.join("")}</ul>`;
  return `<article><h3><span class="method">${escapeHtml(method.toUpperCase())}</span> <code>${escapeHtml(path)}</code></h3>
<p>${escapeHtml(operation.summary ?? "")}${operation.description === undefined ? "" : `. ${escapeHtml(operation.description)}`}</p>
${list("Parameters", parameters)}${list("Body", bodies)}${list("Answers", responses)}</article>`;
}

const schemaHtml = ([name, schema]: [string, unknown]): string =>
  `<article><h3 id="schema-${escapeHtml(name)}">${escapeHtml(name)}</h3><pre>${escapeHtml(JSON.stringify(schema, null, 2))}</pre></article>`;

/** A reference as a link, anything else as it is. */
function schemaText(schema: object | undefined): string {
  if (schema === undefined) return "";
  const name = /^#\/components\/schemas\/(.+)$/.exec((schema as { $ref?: string }).$ref ?? "")?.[1];
  if (name !== undefined) return `<a href="#schema-${escapeHtml(name)}">${escapeHtml(name)}</a>`;
  return `<code>${escapeHtml(JSON.stringify(schema))}</code>`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (char) => ENTITIES[char] as string);

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; background: #fff; color: #1a1a1a; }
a { color: #0b4fb3; }
@media (prefers-color-scheme: dark) { :root { background: #121212; color: #eee; } a { color: #9cc2ff; } }
body { max-width: 60rem; margin: 0 auto; padding: 1rem; }
article { border-top: 1px solid color-mix(in srgb, currentColor 20%, transparent); padding: .5rem 0; }
h3 { margin: .5rem 0; font-size: 1.05rem; overflow-wrap: anywhere; }
h4 { margin: .5rem 0 0; font-size: .9rem; }
ul { margin: 0; padding-left: 1.2rem; }
li { overflow-wrap: anywhere; }
.method { display: inline-block; min-width: 3.2rem; font-weight: 700; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; padding: .75rem; border-radius: .4rem; background: color-mix(in srgb, currentColor 8%, transparent); }
nav a { display: inline-block; min-height: 44px; line-height: 44px; margin-right: 1rem; }
`;
