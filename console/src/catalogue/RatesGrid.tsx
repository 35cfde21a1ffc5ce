// The rates of a price as a grid: a row for each class, a column for the usual rates and each tier and window.

import { useState } from "react";

import { Button } from "~/ui/Button";
import { fieldsOf } from "~/ui/form";

import { CLASSES, type Class, type ClassName, type Mistakes, type Part, dayNames, emptyPart } from "./rates";

interface GridProps {
  parts: Part[];
  mistakes: Mistakes;
  onChange: (parts: Part[]) => void;
}

const ALWAYS = new Set<ClassName>(["input", "cache_read", "output"]);

function usePicked(parts: Part[]) {
  const [added, setAdded] = useState<ClassName[]>([]);
  const isUsed = ({ name }: Class) =>
    ALWAYS.has(name) || added.includes(name) || parts.some((part) => part.rates[name] !== undefined);
  return {
    used: CLASSES.filter(isUsed),
    unused: CLASSES.filter((one) => !isUsed(one)),
    add: setAdded,
    added,
  };
}

function Weekdays({ days, onChange }: { days: number[]; onChange: (days: number[]) => void }) {
  return (
    <div className="weekdays" role="group" aria-label="Days on which it begins; none of them: every day">
      {[1, 2, 3, 4, 5, 6, 7].map((day) => (
        <button
          key={day}
          type="button"
          aria-pressed={days.includes(day)}
          aria-label={dayNames([day])}
          onClick={() =>
            onChange(days.includes(day) ? days.filter((other) => other !== day) : [...days, day].sort())
          }
        >
          {dayNames([day]).slice(0, 1)}
        </button>
      ))}
    </div>
  );
}

function PartHead({
  part,
  error,
  onChange,
  onRemove,
}: {
  part: Part;
  error: string | undefined;
  onChange: (changes: Partial<Part>) => void;
  onRemove: () => void;
}) {
  const { field } = fieldsOf(part, onChange);
  const wrong = error === undefined ? {} : { "aria-invalid": true };
  return (
    <div className="stack-tight">
      {part.kind === "base" ? <span>Usual rates, USD</span> : null}
      {part.kind === "tier" ? (
        <>
          <span>Above (prompt tokens)</span>
          <input
            className="input"
            aria-label="Prompt tokens above which the tier counts"
            inputMode="numeric"
            {...field("above")}
            {...wrong}
          />
        </>
      ) : null}
      {part.kind === "window" ? (
        <>
          <span>From, to before (UTC)</span>
          <input
            className="input"
            aria-label="Time of day from which the window counts, UTC"
            placeholder="16:30"
            {...field("start")}
            {...wrong}
          />
          <input
            className="input"
            aria-label="Time of day before which the window ends, UTC"
            placeholder="00:30"
            {...field("end")}
            {...wrong}
          />
          <Weekdays days={part.weekdays} onChange={(weekdays) => onChange({ weekdays })} />
          {part.tiers.length > 0 ? (
            <span className="field-hint">
              {part.tiers.length === 1
                ? "Its tier stays as it is."
                : `Its ${part.tiers.length} tiers stay as they are.`}
            </span>
          ) : null}
        </>
      ) : null}
      {error === undefined ? null : <span className="field-error">{error}</span>}
      {part.kind === "base" ? null : (
        <Button kind="quiet" size="small" onClick={onRemove}>
          Remove
        </Button>
      )}
    </div>
  );
}

export function RatesGrid({ parts, mistakes, onChange }: GridProps) {
  const { used, unused, add, added } = usePicked(parts);
  const [made, setMade] = useState(0);
  const change = (key: string, changes: Partial<Part>) =>
    onChange(parts.map((part) => (part.key === key ? { ...part, ...changes } : part)));
  function addPart(kind: "tier" | "window"): void {
    setMade(made + 1);
    onChange([...parts, emptyPart(kind, `${kind} new ${made}`)]);
  }
  return (
    <div className="stack">
      <div className="scroll">
        <table className="rates">
          <thead>
            <tr>
              <th scope="col">
                <span className="visually-hidden">Class</span>
              </th>
              {parts.map((part) => (
                <th scope="col" key={part.key}>
                  <PartHead
                    part={part}
                    error={mistakes[part.key]}
                    onChange={(changes) => change(part.key, changes)}
                    onRemove={() => onChange(parts.filter((one) => one.key !== part.key))}
                  />
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {used.map((one) => (
              <tr key={one.name}>
                <th scope="row">
                  {one.label} <span className="field-hint">/ {one.per}</span>
                </th>
                {parts.map((part) => {
                  const error = mistakes[`${part.key} ${one.name}`];
                  return (
                    <td key={part.key}>
                      <input
                        className="input"
                        aria-label={`${one.label} per ${one.per}${part.kind === "base" ? "" : `, ${part.kind}`}`}
                        inputMode="decimal"
                        placeholder={
                          part.kind === "base" ? (one.fallback ? `as ${one.fallback}` : "free") : "as usual"
                        }
                        aria-invalid={error ? true : undefined}
                        value={part.rates[one.name] ?? ""}
                        onChange={(event) =>
                          change(part.key, { rates: { ...part.rates, [one.name]: event.target.value } })
                        }
                      />
                      {error ? <span className="field-error">{error}</span> : null}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <div className="bar">
        {unused.length > 0 ? (
          <select
            className="input"
            aria-label="Price another class"
            value=""
            onChange={(event) => add([...added, event.target.value as ClassName])}
          >
            <option value="">Price another class…</option>
            {unused.map((one) => (
              <option key={one.name} value={one.name}>
                {one.label}
              </option>
            ))}
          </select>
        ) : null}
        <Button size="small" onClick={() => addPart("tier")}>
          Add a tier
        </Button>
        <Button size="small" onClick={() => addPart("window")}>
          Add hours of the day
        </Button>
      </div>
    </div>
  );
}
