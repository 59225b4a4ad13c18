// Pictures that come with the page: one click each.

import type { Example } from "../siteConfig.ts";

interface Props {
  readonly examples: readonly Example[];
  readonly onPick: (example: Example) => void;
}

export function Examples({ examples, onPick }: Props) {
  if (examples.length === 0) return null;
  return (
    <section aria-labelledby="examples-title" class="panel">
      <h2 id="examples-title">Examples</h2>
      <ul class="examples">
        {examples.map((example) => (
          <li key={example.file}>
            <button type="button" onClick={() => onPick(example)}>
              <img src={example.file} alt={`Try the example ${example.label}`} width="96" height="96" loading="lazy" />
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
