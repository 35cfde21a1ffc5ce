import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";

import { admin, answer } from "~/api/client";
import { messageOf } from "~/api/errors";
import { ago } from "~/format/time";
import { Button } from "~/ui/Button";
import { SelectField, TextArea, TextField } from "~/ui/Field";
import { useForm } from "~/ui/form";
import { ErrorNote, Loading, Note } from "~/ui/Note";
import { Card } from "~/ui/Page";
import { say } from "~/ui/toast";

import { pointsOf } from "../plans";
import { type Profile, keyOf, profileQuery } from "./tenant";

const TREATMENTS: { value: Profile["tax"]; label: string }[] = [
  { value: "none", label: "none" },
  { value: "standard", label: "at a rate" },
  { value: "exempt", label: "exempt" },
  { value: "reverse_charge", label: "reverse charge" },
];

const NOBODY = { name: "", country: "", tax_id: "", email: "", reference: "", tax: "none" as Profile["tax"] };

function ProfileForm({ tenant, of }: { tenant: string; of: Profile | null }) {
  const queries = useQueryClient();
  const { form, field } = useForm({
    ...NOBODY,
    ...of,
    address: (of?.address ?? []).join("\n"),
    percent: of && of.tax_basis_points > 0 ? String(of.tax_basis_points / 100) : "",
  });
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);

  async function save(): Promise<void> {
    const points = form.tax === "standard" ? pointsOf(form.percent) : 0;
    if (points === null) throw new Error("A tax rate in percent, such as 19.");
    const body = {
      name: form.name.trim(),
      address: form.address.split("\n").flatMap((line) => line.trim() || []),
      country: form.country.trim().toUpperCase(),
      tax_id: form.tax_id.trim(),
      email: form.email.trim(),
      reference: form.reference.trim(),
      tax: form.tax,
      tax_basis_points: points,
    };
    await answer(admin.PUT("/tenants/{tenant}/billing-profile", { params: { path: { tenant } }, body }));
    await queries.invalidateQueries({ queryKey: keyOf(tenant, "profile") });
    say("The billing profile is kept.");
  }

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    setBusy(true);
    setFailure(null);
    try {
      await save();
    } catch (error) {
      setFailure(messageOf(error));
    } finally {
      setBusy(false);
    }
  }

  return (
    <form className="form" onSubmit={(event) => void submit(event)}>
      <p className="soft">
        Whom documents are made out to from now on. What was issued stays as it is.
        {of ? ` Changed ${ago(of.updated_at)}.` : ""}
      </p>
      <div className="input-row">
        <TextField label="Name" required {...field("name")} />
        <TextField
          label="Country"
          hint="Two letters, such as DE."
          required
          minLength={2}
          maxLength={2}
          {...field("country")}
        />
      </div>
      <TextArea label="Address" hint="At most six lines." rows={3} {...field("address")} />
      <div className="input-row">
        <TextField label="E-mail" type="email" {...field("email")} />
        <TextField label="Tax id" {...field("tax_id")} />
        <TextField label="Their reference" {...field("reference")} />
      </div>
      <div className="input-row">
        <SelectField label="Tax" options={TREATMENTS} {...field("tax")} />
        {form.tax === "standard" ? (
          <TextField label="Rate (%)" inputMode="decimal" required {...field("percent")} />
        ) : null}
      </div>
      {failure === null ? null : <Note tone="bad">{failure}</Note>}
      <div className="form-actions">
        <Button kind="primary" type="submit" busy={isBusy}>
          Save
        </Button>
      </div>
    </form>
  );
}

export function ProfilePart({ tenant }: { tenant: string }) {
  const { data, error, refetch } = useQuery(profileQuery(tenant));
  return (
    <Card title="Billing profile">
      {error ? <ErrorNote error={error} onRetry={() => void refetch()} /> : null}
      {data === null ? (
        <div className="stack">
          <Note tone="warn">There is none yet: documents name the tenant alone, without tax.</Note>
          <ProfileForm tenant={tenant} of={null} />
        </div>
      ) : data ? (
        <ProfileForm key={data.updated_at} tenant={tenant} of={data} />
      ) : error ? null : (
        <Loading />
      )}
    </Card>
  );
}
