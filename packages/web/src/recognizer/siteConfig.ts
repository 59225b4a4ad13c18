// ballsight.json beside the page: what the page is told about itself by whoever serves it (`ballsight serve`, `site`, `space`). No DOM, no Node.

export interface SiteConfig {
  readonly title: string;
  /** What the model tells apart, for the page's words before the first answer. Answers bring their own labels. */
  readonly labels: readonly string[];
  /** The file that answers in the browser; null where the page has the API alone. */
  readonly model: SiteModel | null;
  /** Where the page's own server says which model it serves (`GET /v1/models`); null where all is said here. */
  readonly models: string | null;
  /** Address of a Gradio API, absolute or relative to the page ("." is its own server); null where there is none. */
  readonly api: string | null;
  /** Where corrections are posted as JSON, as `api`; null: they are downloaded. */
  readonly corrections: string | null;
  readonly examples: readonly Example[];
  /** Answers with a lower confidence are shown as "not sure". */
  readonly threshold: number;
  readonly links: readonly { readonly text: string; readonly href: string }[];
  readonly patience: Patience;
}

export interface SiteModel {
  /** Relative to the page. Another model has another address, so that no cache mixes them up. */
  readonly url: string;
  readonly name: string;
  readonly bytes: number;
}

export interface Example {
  readonly file: string;
  readonly label: string;
}

/** How long the API is waited for, in milliseconds, before the browser answers in its stead. */
export interface Patience {
  readonly connect: number;
  readonly answer: number;
}

/** Half of the probability: what ML Kit takes where nobody names a threshold. */
const DEFAULT_THRESHOLD = 0.5;

export const DEFAULTS: SiteConfig = {
  title: "Ballsight",
  labels: [],
  model: null,
  models: null,
  api: ".",
  corrections: null,
  examples: [],
  threshold: DEFAULT_THRESHOLD,
  links: [],
  patience: { connect: 5000, answer: 20_000 },
};

/** Reads what may be of another version, or half of it: whatever is missing or of another type is the default. */
export function parseSiteConfig(value: unknown): SiteConfig {
  const given = record(value);
  const patience = record(given.patience);
  return {
    title: text(given.title) ?? DEFAULTS.title,
    labels: list(given.labels).flatMap((label) => text(label) ?? []),
    model: parseModel(given.model),
    models: text(given.models) ?? null,
    api: given.api === null ? null : (text(given.api) ?? DEFAULTS.api),
    corrections: text(given.corrections) ?? null,
    examples: list(given.examples).flatMap((example) => {
      const file = text(record(example).file);
      const label = text(record(example).label);
      return file === undefined || label === undefined ? [] : { file, label };
    }),
    threshold: number(given.threshold, 0, 1) ?? DEFAULTS.threshold,
    links: list(given.links).flatMap((link) => {
      const words = text(record(link).text);
      const href = text(record(link).href);
      return words === undefined || href === undefined ? [] : { text: words, href };
    }),
    patience: {
      connect: number(patience.connect, 1, Number.MAX_SAFE_INTEGER) ?? DEFAULTS.patience.connect,
      answer: number(patience.answer, 1, Number.MAX_SAFE_INTEGER) ?? DEFAULTS.patience.answer,
    },
  };
}

/** The configuration with what a server says of its model (`/v1/models`); examples of things that it does not know go. */
export function withServedModel(config: SiteConfig, answer: unknown): SiteConfig {
  const [served] = list(record(answer).models).map(record);
  const labels = list(served?.labels).flatMap((label) => text(label) ?? []);
  if (served === undefined || labels.length === 0) return config;
  const hash = text(served.sha256)?.slice(0, 12);
  const url = config.model?.url ?? text(served.file);
  const model =
    url === undefined
      ? null
      : {
          url: hash === undefined ? url : `${url}?v=${hash}`,
          name: text(served.id) ?? "model",
          bytes: number(served.bytes, 0, Number.MAX_SAFE_INTEGER) ?? 0,
        };
  return { ...config, labels, model, examples: config.examples.filter(({ label }) => labels.includes(label)) };
}

function parseModel(value: unknown): SiteModel | null {
  const model = record(value);
  const url = text(model.url);
  if (url === undefined) return null;
  return { url, name: text(model.name) ?? "model", bytes: number(model.bytes, 0, Number.MAX_SAFE_INTEGER) ?? 0 };
}

const record = (value: unknown) =>
  (typeof value === "object" && value !== null ? value : {}) as Readonly<Record<string, unknown>>;
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const text = (value: unknown) => (typeof value === "string" && value !== "" ? value : undefined);
const number = (value: unknown, least: number, most: number) =>
  typeof value === "number" && value >= least && value <= most ? value : undefined;
