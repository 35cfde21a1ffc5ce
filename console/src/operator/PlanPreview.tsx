// What requests would cost under other terms, before they are in force.

import { useMutation, useQuery } from "@tanstack/react-query";
import { type KeyboardEvent, useState } from "react";

import { exactUsd, nanoOf, usdOfNano } from "~/format/money";
import { modelsQuery } from "~/models/models";
import { Scroll } from "~/ui/Page";
import { Button } from "~/ui/Button";
import { TextField } from "~/ui/Field";
import { useForm } from "~/ui/form";
import { Badge, ErrorNote } from "~/ui/Note";

import { type PreviewRow, basisPoints } from "./plans";

export interface Asked {
  model: string;
  provider: string | null;
  input_tokens: number;
  output_tokens: number;
}

/** More or less than before, and by how much. */
function Difference({ of }: { of: PreviewRow }) {
  const before = of.before ? nanoOf(of.before.cost) : null;
  const after = nanoOf(of.after.cost);
  if (before === null || after === null) return <Badge>new</Badge>;
  if (after === before) return <span className="soft">the same</span>;
  const size = after > before ? after - before : before - after;
  return (
    <Badge tone={after > before ? "warn" : "good"}>
      {usdOfNano(size)} {after > before ? "more" : "less"}
    </Badge>
  );
}

function Rows({ rows }: { rows: PreviewRow[] }) {
  if (rows.length === 0) return <p className="soft">No endpoint would serve that.</p>;
  return (
    <Scroll label="Preview">
      <table className="plain-table">
        <thead>
          <tr>
            <th>Endpoint</th>
            <th className="number">List price</th>
            <th className="number">Now</th>
            <th className="number">Then</th>
            <th />
          </tr>
        </thead>
        <tbody>
          {rows.map((one) => (
            <tr key={one.tag}>
              <td className="mono">{one.tag}</td>
              <td className="number">{exactUsd(one.list_price)}</td>
              <td className="number">
                {one.before ? (
                  <>
                    {exactUsd(one.before.cost)}{" "}
                    <span className="soft">{basisPoints(one.before.markup_basis_points)}</span>
                  </>
                ) : (
                  "–"
                )}
              </td>
              <td className="number">
                {exactUsd(one.after.cost)}{" "}
                <span className="soft">{basisPoints(one.after.markup_basis_points)}</span>
              </td>
              <td>
                <Difference of={one} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

export function PlanPreview({ ask }: { ask: (preview: Asked) => Promise<PreviewRow[]> }) {
  const { data: models } = useQuery(modelsQuery);
  const { form, field } = useForm({ model: "openai/gpt-4o", provider: "", input: "1000", output: "500" });
  const [isTried, setTried] = useState(false);
  const preview = useMutation({ mutationFn: ask });
  function show(): void {
    setTried(true);
    if (form.model.trim() === "") return;
    preview.mutate({
      model: form.model.trim(),
      provider: form.provider.trim() || null,
      input_tokens: Number(form.input) || 0,
      output_tokens: Number(form.output) || 0,
    });
  }
  /** It stands within forms that change something: the enter key only shows. */
  function onKeyDown(event: KeyboardEvent): void {
    if (event.key !== "Enter" || !(event.target instanceof HTMLInputElement)) return;
    event.preventDefault();
    show();
  }
  return (
    <div className="form" onKeyDown={onKeyDown}>
      <div className="input-row">
        <TextField
          label="Model"
          list="preview-models"
          error={isTried && form.model.trim() === "" ? "Name the model." : null}
          {...field("model")}
        />
        <datalist id="preview-models">
          {(models ?? []).map((one) => (
            <option key={one.id} value={one.id} />
          ))}
        </datalist>
        <TextField label="Provider" placeholder="any" {...field("provider")} />
        <TextField label="Tokens in" inputMode="numeric" {...field("input")} />
        <TextField label="Tokens out" inputMode="numeric" {...field("output")} />
      </div>
      <div className="form-actions">
        <Button busy={preview.isPending} onClick={show}>
          Show what it would cost
        </Button>
      </div>
      {preview.error ? <ErrorNote error={preview.error} /> : null}
      {preview.data ? <Rows rows={preview.data} /> : null}
    </div>
  );
}
