import { admin, answer } from "~/api/client";
import type { components } from "~/api/generated/admin";
import { nanoOf } from "~/format/money";
import { FormDialog } from "~/ui/Dialog";
import { CheckField, SelectField, TextField } from "~/ui/Field";
import { useForm } from "~/ui/form";
import { say } from "~/ui/toast";

import { type Budget, keyOf } from "./tenant";

type NewBudget = components["schemas"]["NewBudget"];

const SUBJECTS = ["workspace", "member", "guardrail"].map((value) => ({ value, label: `a ${value}` }));
const INTERVALS = [
  { value: "daily", label: "a day (UTC)" },
  { value: "weekly", label: "a week (Monday, UTC)" },
  { value: "monthly", label: "a month (UTC)" },
  { value: "lifetime", label: "ever" },
];

export function BudgetDialog({
  tenant,
  of,
  onClose,
}: {
  tenant: string;
  of: Budget | null;
  onClose: () => void;
}) {
  const { form, field, check } = useForm({
    kind: of?.subject_kind ?? "workspace",
    subject: of?.subject_id ?? "",
    interval: of?.interval ?? "monthly",
    limit: of?.limit ?? "",
    countsOwnKeys: of?.counts_own_keys ?? false,
  });
  async function submit(): Promise<void> {
    if ((nanoOf(form.limit) ?? -1n) < 0n) throw new Error("An amount in USD, such as 500.");
    const body: NewBudget = {
      subject_kind: form.kind as NewBudget["subject_kind"],
      subject_id: form.subject.trim(),
      interval: form.interval as NewBudget["interval"],
      limit: form.limit.trim(),
      counts_own_keys: form.countsOwnKeys,
    };
    await answer(admin.PUT("/tenants/{tenant}/budgets", { params: { path: { tenant } }, body }));
    say("The budget is in force.");
  }
  return (
    <FormDialog
      title={of ? "Change the budget" : "New budget"}
      action="Put it in force"
      onClose={onClose}
      changes={[keyOf(tenant, "budgets")]}
      onSubmit={submit}
    >
      <div className="input-row">
        <SelectField label="Of" options={SUBJECTS} disabled={of !== null} {...field("kind")} />
        <TextField
          label="Its id"
          required
          disabled={of !== null}
          className="input mono"
          {...field("subject")}
        />
      </div>
      <div className="input-row">
        <TextField
          label="At most (USD)"
          inputMode="decimal"
          required
          autoFocus={of !== null}
          {...field("limit")}
        />
        <SelectField label="Each" options={INTERVALS} disabled={of !== null} {...field("interval")} />
      </div>
      <CheckField
        label="Own provider keys count, too"
        hint="at the provider's list price"
        {...check("countsOwnKeys")}
      />
    </FormDialog>
  );
}
