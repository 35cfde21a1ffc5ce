import { Button } from "~/ui/Button";
import { FieldGroup, SelectField, TextField } from "~/ui/Field";
import { fieldsOf } from "~/ui/form";
import { Note } from "~/ui/Note";

import "./operator.css";
import type { Mistakes, OverrideForm, PlanForm } from "./plans";

interface Fields {
  form: PlanForm;
  mistakes: Mistakes;
  onChange: (form: PlanForm) => void;
}

const MOST_OVERRIDES = 256;

function Override({
  of,
  place,
  onChange,
  onRemove,
}: {
  of: OverrideForm;
  place: number;
  onChange: (changes: Partial<OverrideForm>) => void;
  onRemove: () => void;
}) {
  const name = `Override ${place + 1}`;
  const { field } = fieldsOf(of, onChange);
  return (
    <div className="override">
      <input
        className="input"
        aria-label={`${name}: provider`}
        placeholder="any provider"
        {...field("provider")}
      />
      <input className="input" aria-label={`${name}: model`} placeholder="any model" {...field("model")} />
      <input
        className="input"
        aria-label={`${name}: percent`}
        placeholder="%"
        inputMode="decimal"
        required
        {...field("percent")}
      />
      <Button kind="quiet" size="small" shape="square" aria-label={`Remove ${name}`} onClick={onRemove}>
        ✕
      </Button>
    </div>
  );
}

function Overrides({ form, mistakes, onChange }: Fields) {
  const put = (overrides: OverrideForm[]) => onChange({ ...form, overrides });
  return (
    <FieldGroup legend="Markup overrides">
      <p className="soft">
        What fits both provider and model goes first, then what fits the model, then the provider; else the
        usual markup. Models are named without their variant, such as openai/gpt-4o.
      </p>
      {form.overrides.map((one, place) => (
        <Override
          key={place}
          of={one}
          place={place}
          onChange={(changes) =>
            put(form.overrides.map((other, at) => (at === place ? { ...other, ...changes } : other)))
          }
          onRemove={() => put(form.overrides.filter((_, at) => at !== place))}
        />
      ))}
      {mistakes.overrides ? <Note tone="bad">{mistakes.overrides}</Note> : null}
      <div>
        <Button
          size="small"
          disabled={form.overrides.length >= MOST_OVERRIDES}
          onClick={() => put([...form.overrides, { provider: "", model: "", percent: "" }])}
        >
          Add an override
        </Button>
      </div>
    </FieldGroup>
  );
}

export function PlanFields(fields: Fields) {
  const { form, mistakes, onChange } = fields;
  const { field } = fieldsOf(form, (changes) => onChange({ ...form, ...changes }));
  const figure = (name: Exclude<keyof PlanForm, "overrides" | "payment">) => ({
    ...field(name),
    error: mistakes[name],
    inputMode: "decimal" as const,
  });
  return (
    <>
      <div className="columns">
        <FieldGroup legend="Markup and payment">
          <TextField
            label="Markup on list prices (%)"
            hint="Where no override fits."
            required
            {...figure("markup")}
          />
          <div className="input-row">
            <SelectField
              label="Pays"
              options={[
                { value: "prepaid", label: "in advance: spends what it bought" },
                { value: "postpaid", label: "by invoice: may owe" },
              ]}
              {...field("payment")}
            />
            {form.payment === "postpaid" ? (
              <TextField label="Owes at most (USD)" required {...figure("creditLimit")} />
            ) : null}
          </div>
        </FieldGroup>
        <FieldGroup legend="Fee on buying credit">
          <div className="input-row">
            <TextField label="Of the amount (%)" required {...figure("purchaseFee")} />
            <TextField label="At least (USD)" required {...figure("purchaseMinimum")} />
          </div>
        </FieldGroup>
        <FieldGroup legend="Fee on own provider keys">
          <div className="input-row">
            <TextField label="Of the list price (%)" required {...figure("ownKeyFee")} />
            <TextField
              label="Free each month (USD)"
              placeholder="nothing"
              hint="Of list prices. Empty: nothing is free."
              {...figure("allowance")}
            />
          </div>
        </FieldGroup>
      </div>
      <Overrides {...fields} />
    </>
  );
}
