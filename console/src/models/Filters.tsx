import { useMemo } from "react";

import { SearchBox } from "~/ui/SearchBox";

import type { Model } from "./models";
import { type ModelsSearch, authorOf, listOf, tally, toggled } from "./search";

const CONTEXTS = [32_000, 128_000, 200_000, 1_000_000];
const PRICES = [0.1, 0.5, 1, 3, 10];
/** Abilities that people look for, by the parameter that asks for them. */
const ABILITIES: [string, string][] = [
  ["tools", "Tools"],
  ["structured_outputs", "Structured outputs"],
  ["reasoning", "Reasoning"],
  ["logprobs", "Log probabilities"],
];

interface Props {
  models: Model[];
  search: ModelsSearch;
  onChange: (changes: ModelsSearch) => void;
}

function Toggles({
  label,
  values,
  joined,
  onToggle,
}: {
  label: string;
  values: [string, string][];
  joined: string | undefined;
  onToggle: (value: string) => void;
}) {
  const on = listOf(joined);
  return (
    <div className="filter-group" role="group" aria-label={label}>
      <span className="soft">{label}</span>
      {values.map(([value, name]) => (
        <button
          key={value}
          type="button"
          className="button"
          data-size="small"
          aria-pressed={on.includes(value)}
          onClick={() => onToggle(value)}
        >
          {name}
        </button>
      ))}
    </div>
  );
}

export function Filters({ models, search, onChange }: Props) {
  const reads = useMemo(() => tally(models, (model) => model.architecture.input_modalities), [models]);
  const writes = useMemo(() => tally(models, (model) => model.architecture.output_modalities), [models]);
  const authors = useMemo(() => tally(models, (model) => [authorOf(model)]), [models]);
  const named = (counted: [string, number][]): [string, string][] => counted.map(([value]) => [value, value]);
  return (
    <search className="filters">
      <div className="bar">
        <SearchBox
          placeholder="Search names (press /)"
          aria-label="Search models by name"
          value={search.q ?? ""}
          onSearch={(q) => onChange({ q })}
        />
        <select
          className="input"
          aria-label="Author"
          value={search.authors ?? ""}
          onChange={(event) => onChange({ authors: event.target.value })}
        >
          <option value="">Every author</option>
          {authors.map(([author, models]) => (
            <option key={author} value={author}>
              {author} ({models})
            </option>
          ))}
        </select>
        <select
          className="input"
          aria-label="Context at least"
          value={search.context ?? ""}
          onChange={(event) => onChange({ context: Number(event.target.value) })}
        >
          <option value="">Any context</option>
          {CONTEXTS.map((tokens) => (
            <option key={tokens} value={tokens}>
              {tokens >= 1_000_000 ? `${tokens / 1_000_000}M` : `${tokens / 1000}K`} tokens or more
            </option>
          ))}
        </select>
        <select
          className="input"
          aria-label="Input price at most"
          value={search.price ?? ""}
          onChange={(event) => onChange({ price: Number(event.target.value) })}
        >
          <option value="">Any price</option>
          {PRICES.map((price) => (
            <option key={price} value={price}>
              up to ${price} / 1M input
            </option>
          ))}
        </select>
        <label className="check">
          <input
            type="checkbox"
            checked={search.free === true}
            onChange={(event) => onChange({ free: event.target.checked })}
          />
          <span>Free</span>
        </label>
      </div>
      <div className="filter-groups">
        <Toggles
          label="Reads"
          values={named(reads)}
          joined={search.reads}
          onToggle={(one) => onChange({ reads: toggled(search.reads, one) })}
        />
        <Toggles
          label="Writes"
          values={named(writes)}
          joined={search.writes}
          onToggle={(one) => onChange({ writes: toggled(search.writes, one) })}
        />
        <Toggles
          label="Takes"
          values={ABILITIES}
          joined={search.takes}
          onToggle={(one) => onChange({ takes: toggled(search.takes, one) })}
        />
      </div>
    </search>
  );
}
