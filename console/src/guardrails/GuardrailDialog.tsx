import { useState } from "react";

import { answer, api } from "~/api/client";
import { Button } from "~/ui/Button";
import { FormDialog } from "~/ui/Dialog";
import { CheckField, FieldGroup, SelectField, TextArea, TextField } from "~/ui/Field";
import { fieldsOf, useForm } from "~/ui/form";

import { type Action, BUILTINS, type Guardrail, type GuardrailForm, changesOf, formOf } from "./guardrails";

const ACTIONS = [
  { value: "", label: "allow" },
  { value: "flag", label: "flag" },
  { value: "redact", label: "redact" },
  { value: "block", label: "block" },
];
const INTERVALS = [
  { value: "", label: "never" },
  { value: "daily", label: "every day" },
  { value: "weekly", label: "every week" },
  { value: "monthly", label: "every month" },
];

interface Part {
  form: GuardrailForm;
  onChange: (changes: Partial<GuardrailForm>) => void;
}

function Budget({ form, onChange }: Part) {
  const { field } = fieldsOf(form, onChange);
  return (
    <FieldGroup legend="Budget of each key and member">
      <div className="input-row">
        <TextField
          label="Spend at most (USD)"
          placeholder="no budget"
          inputMode="decimal"
          {...field("limit")}
        />
        <SelectField
          label="Begins anew"
          options={INTERVALS}
          disabled={form.limit.trim() === ""}
          {...field("interval")}
        />
      </div>
    </FieldGroup>
  );
}

function Choices({ form, onChange }: Part) {
  const { field, check } = fieldsOf(form, onChange);
  return (
    <FieldGroup legend="Models and providers, one a line">
      <div className="input-row">
        <TextArea label="Only these models" isCode rows={3} placeholder="all" {...field("allowedModels")} />
        <TextArea label="None of these models" isCode rows={3} {...field("ignoredModels")} />
      </div>
      <div className="input-row">
        <TextArea
          label="Only these providers"
          isCode
          rows={2}
          placeholder="all"
          {...field("allowedProviders")}
        />
        <TextArea label="None of these providers" isCode rows={2} {...field("ignoredProviders")} />
      </div>
      <CheckField label="Only endpoints that retain nothing" {...check("isZdr")} />
      <CheckField label="Only endpoints that do not train on requests" {...check("isTrainingDenied")} />
    </FieldGroup>
  );
}

function Filters({ form, onChange }: Part) {
  function setBuiltin(slug: (typeof BUILTINS)[number]["slug"], action: string): void {
    const { [slug]: _, ...others } = form.builtins;
    onChange({ builtins: action === "" ? others : { ...others, [slug]: action as Action } });
  }
  function setPattern(place: number, changes: Partial<GuardrailForm["patterns"][number]>): void {
    onChange({
      patterns: form.patterns.map((one, other) => (other === place ? { ...one, ...changes } : one)),
    });
  }
  return (
    <FieldGroup legend="What may stand in requests">
      <div className="input-row">
        {BUILTINS.map(({ slug, label }) => (
          <SelectField
            key={slug}
            label={label}
            options={ACTIONS}
            value={form.builtins[slug] ?? ""}
            onChange={(event) => setBuiltin(slug, event.target.value)}
          />
        ))}
      </div>
      {form.patterns.map((one, place) => (
        <div className="input-row" key={place}>
          <TextField
            label="Pattern (regular expression)"
            value={one.pattern}
            onChange={(event) => setPattern(place, { pattern: event.target.value })}
          />
          <TextField
            label="Called"
            value={one.label}
            onChange={(event) => setPattern(place, { label: event.target.value })}
          />
          <SelectField
            label="Then"
            options={ACTIONS.slice(1)}
            value={one.action}
            onChange={(event) => setPattern(place, { action: event.target.value as Action })}
          />
        </div>
      ))}
      <div>
        <Button
          size="small"
          onClick={() =>
            onChange({ patterns: [...form.patterns, { pattern: "", label: "", action: "block" }] })
          }
        >
          Add a pattern
        </Button>
      </div>
    </FieldGroup>
  );
}

export function GuardrailDialog({
  of,
  workspace,
  onClose,
}: {
  of: Guardrail | null;
  workspace: string | undefined;
  onClose: () => void;
}) {
  const [before] = useState(() => formOf(of));
  const { form, change, field } = useForm(before);
  const part = { form, onChange: change };
  async function submit(): Promise<void> {
    const body = changesOf(form, before);
    if (of) await answer(api.PATCH("/guardrails/{id}", { params: { path: { id: of.id } }, body }));
    else
      await answer(
        api.POST("/guardrails", { body: { ...body, ...(workspace ? { workspace_id: workspace } : {}) } }),
      );
  }
  return (
    <FormDialog
      size="wide"
      title={of ? `Change “${of.name}”` : "New guardrail"}
      action={of ? "Save" : "Create"}
      onClose={onClose}
      changes={[["guardrails"]]}
      onSubmit={submit}
    >
      <TextField label="Name" required autoFocus {...field("name")} />
      <TextField label="Description" {...field("description")} />
      <Budget {...part} />
      <Choices {...part} />
      <Filters {...part} />
    </FormDialog>
  );
}
