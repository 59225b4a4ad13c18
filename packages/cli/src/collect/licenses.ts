// Licences under one name each, and what they allow.

export const LICENSE_FILTERS = ["any", "cc", "commercial", "public-domain"] as const;
export type LicenseFilter = (typeof LICENSE_FILTERS)[number];

export interface License {
  /** "CC BY-SA 4.0", "CC0 1.0", "Public domain"; what is not known by name stays as the source writes it. */
  readonly name: string;
  readonly url?: string;
  readonly allows: ReadonlySet<LicenseFilter>;
}

const ANY: ReadonlySet<LicenseFilter> = new Set(["any"]);
const CC: ReadonlySet<LicenseFilter> = new Set(["any", "cc"]);
const COMMERCIAL: ReadonlySet<LicenseFilter> = new Set(["any", "cc", "commercial"]);
const FREE: ReadonlySet<LicenseFilter> = new Set(LICENSE_FILTERS);

/**
 * From a code ("by-sa" with a version, "cc-by-sa-4.0", "cc0", "pdm", "pd") or a short name ("CC BY-SA 3.0 de", "Public domain").
 * Undefined for an empty text. A name that is not known, GFDL for one, allows `any` alone: better one photo less than one too many.
 */
export function licenseOf(text: string, version = "", url?: string): License | undefined {
  const words = text
    .trim()
    .toLowerCase()
    .replaceAll(/[\s_]+/g, "-");
  if (words === "") return undefined;
  const withUrl = (fallback?: string) => (url ?? fallback) !== undefined && { url: (url ?? fallback)! };
  if (/^(?:cc-?0|cc-zero)\b/.test(words)) {
    return { name: "CC0 1.0", ...withUrl("https://creativecommons.org/publicdomain/zero/1.0/"), allows: FREE };
  }
  if (words === "pdm" || words.startsWith("pdm-") || words.startsWith("cc-pd") || words.startsWith("cc-pdm")) {
    return { name: "PDM 1.0", ...withUrl("https://creativecommons.org/publicdomain/mark/1.0/"), allows: FREE };
  }
  if (words === "pd" || words.startsWith("pd-") || words.startsWith("public-domain")) {
    return { name: "Public domain", ...withUrl(), allows: FREE };
  }
  const parts = /^(?:cc-)?(by(?:-nc)?(?:-nd|-sa)?)(?:-(\d\.\d)(?:-([a-z]{2,10}))?)?$/.exec(words);
  if (parts === null) return { name: text.trim(), ...withUrl(), allows: ANY };
  const [, code, named = version, port] = parts as unknown as [string, string, string | undefined, string | undefined];
  const name = ["CC", code.toUpperCase(), named, port?.toUpperCase()].filter((part) => part).join(" ");
  const deed = named && `https://creativecommons.org/licenses/${code}/${named}/${port ? `${port}/` : ""}`;
  return { name, ...withUrl(deed || undefined), allows: code.includes("nc") ? CC : COMMERCIAL };
}

/** Whether a photo of that licence passes; one without a known licence passes `any` alone. */
export function passes(filter: LicenseFilter, license: string | undefined): boolean {
  return filter === "any" || (licenseOf(license ?? "")?.allows.has(filter) ?? false);
}
