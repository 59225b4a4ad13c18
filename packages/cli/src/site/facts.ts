// What a model file says of itself, as the site's pages need it. Metadata are somebody else's word: what is missing or odd is left out.

export interface ClassFacts {
  readonly label: string;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  readonly support: number;
}

export interface ModelFacts {
  readonly architecture: string | undefined;
  readonly weights: string | undefined;
  readonly license: string | undefined;
  /** sha256 of the data set's list. */
  readonly data: string | undefined;
  readonly accuracy: { readonly share: number; readonly low: number; readonly high: number } | undefined;
  /** Photos that it was measured on, and trained on. */
  readonly count: number | undefined;
  readonly trainedOn: number | undefined;
  readonly classes: readonly ClassFacts[];
}

export function modelFacts(metadata: Readonly<Record<string, string>>): ModelFacts {
  const entry = (key: string) => parse(metadata[`ballsight.${key}`]);
  const metrics = record(entry("metrics"));
  const interval = record(metrics.interval95);
  const share = number(metrics.accuracy);
  return {
    architecture: text(entry("architecture")),
    weights: text(entry("weights")),
    license: text(entry("license")),
    data: text(entry("data")),
    accuracy:
      share === undefined
        ? undefined
        : { share, low: number(interval.low) ?? share, high: number(interval.high) ?? share },
    count: number(metrics.count),
    trainedOn: number(metrics.trained_on),
    classes: (Array.isArray(metrics.classes) ? metrics.classes : []).map(record).flatMap((row) => {
      const label = text(row.label);
      const [precision, recall, f1, support] = [row.precision, row.recall, row.f1, row.support].map(
        (value) => number(value) ?? Number.NaN,
      );
      return label === undefined ? [] : { label, precision: precision!, recall: recall!, f1: f1!, support: support! };
    }),
  };
}

function parse(json: string | undefined): unknown {
  try {
    return json === undefined ? undefined : JSON.parse(json);
  } catch {
    return undefined;
  }
}

const record = (value: unknown) =>
  (typeof value === "object" && value !== null ? value : {}) as Readonly<Record<string, unknown>>;
const text = (value: unknown) => (typeof value === "string" && value !== "" ? value : undefined);
const number = (value: unknown) => (typeof value === "number" && Number.isFinite(value) ? value : undefined);
