import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { admin, answer, document } from "~/api/client";
import { useOnce } from "~/api/once";
import { exactUsd, nanoOf } from "~/format/money";
import { FormDialog } from "~/ui/Dialog";
import { FieldGroup, SelectField, TextField } from "~/ui/Field";
import { useForm } from "~/ui/form";
import { say } from "~/ui/toast";

import { PlanPreview } from "../PlanPreview";
import { type Outcome, plansQuery } from "../plans";
import { keyOf } from "./tenant";

interface Of {
  tenant: string;
  onClose: () => void;
}

export function GrantDialog({ tenant, onClose }: Of) {
  const { form, field } = useForm({ amount: "", kind: "promotion", reason: "", day: "", key: "" });
  const once = useOnce();
  const isGift = form.kind === "promotion";
  async function submit(): Promise<void> {
    const amount = nanoOf(form.amount);
    if (amount === null || amount <= 0n) throw new Error("An amount in USD, such as 100.");
    const body = {
      amount: form.amount.trim(),
      kind: form.kind as "promotion" | "purchase",
      reason: form.reason.trim(),
      // What is given ends with the day that is said.
      ...(isGift && form.day ? { expires_at: `${form.day}T23:59:59Z` } : {}),
    };
    const key = form.key.trim();
    const header = key === "" ? once(body) : { "Idempotency-Key": key };
    await answer(
      admin.POST("/tenants/{tenant}/credits", {
        params: { path: { tenant }, header },
        body,
      }),
    );
    say(`${exactUsd(form.amount)} granted.`);
  }
  return (
    <FormDialog
      title="Grant credit"
      action="Grant"
      onClose={onClose}
      changes={[keyOf(tenant)]}
      onSubmit={submit}
    >
      <div className="input-row">
        <TextField label="Amount (USD)" inputMode="decimal" required autoFocus {...field("amount")} />
        <SelectField
          label="As"
          options={[
            { value: "promotion", label: "a gift" },
            { value: "purchase", label: "a purchase that was paid elsewhere" },
          ]}
          {...field("kind")}
        />
      </div>
      <TextField
        label="Reason"
        hint="Write no names of people here: it stays when the tenant is erased."
        required
        {...field("reason")}
      />
      {isGift ? (
        <TextField
          label="Expires after the day (UTC)"
          hint="Left out: never. What is left of it then goes to breakage."
          type="date"
          min={new Date().toISOString().slice(0, 10)}
          {...field("day")}
        />
      ) : null}
      <TextField
        label="Idempotency key"
        hint="The same grant under the same key moves money once. Left out: one for this dialog alone."
        maxLength={255}
        className="input mono"
        {...field("key")}
      />
    </FormDialog>
  );
}

export function MoveDialog({ tenant, plan, onClose }: Of & { plan: string }) {
  const { data: plans } = useQuery(plansQuery);
  const [name, setName] = useState(plan);
  const target = plans?.find((one) => one.name === name);
  async function submit(): Promise<void> {
    await answer(admin.PUT("/tenants/{tenant}/plan", { params: { path: { tenant } }, body: { plan: name } }));
    say(`The tenant is on the plan ${name}.`);
  }
  return (
    <FormDialog
      size="wide"
      title="Another plan"
      action="Move the tenant"
      onClose={onClose}
      changes={[keyOf(tenant), ["operator", "plans"]]}
      onSubmit={submit}
    >
      <SelectField
        label="Plan"
        options={(plans ?? []).map((one) => ({ value: one.name, label: one.name }))}
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      <p className="soft">
        Requests that are admitted from now on are charged by it.{" "}
        {target?.payment === "postpaid"
          ? `The tenant may then owe ${exactUsd(target.credit_limit)}.`
          : "A prepaid plan takes a credit line away."}
      </p>
      <FieldGroup legend="What requests would cost">
        <Preview tenant={tenant} plan={name} />
      </FieldGroup>
    </FormDialog>
  );
}

function Preview({ tenant, plan }: { tenant: string; plan: string }) {
  return (
    <PlanPreview
      key={plan}
      ask={async (preview) => {
        const body = { plan, preview };
        const asked = admin.PUT("/tenants/{tenant}/plan", { params: { path: { tenant } }, body });
        return (await document<Outcome>(asked)).preview ?? [];
      }}
    />
  );
}
