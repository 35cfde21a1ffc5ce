// What is done with an invoice: issuing it, crediting it, recording money that came for it.

import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { useOnce } from "~/api/once";
import { exactUsd, nanoOf, usdOfNano } from "~/format/money";
import { date } from "~/format/time";
import { FormDialog } from "~/ui/Dialog";
import { TextField } from "~/ui/Field";
import { useForm } from "~/ui/form";
import { Note } from "~/ui/Note";
import { say } from "~/ui/toast";

import {
  type Invoice,
  amountOf,
  creditInvoice,
  creditable,
  finaliseInvoice,
  recordPayment,
} from "./invoices";

interface Of {
  of: Invoice;
  onClose: () => void;
}

/** Reads again whatever shows an invoice. */
export function useInvoiceChanged(): () => Promise<void> {
  const queries = useQueryClient();
  return async () => {
    await queries.invalidateQueries({ queryKey: ["operator", "invoice"] });
    await queries.invalidateQueries({ queryKey: ["operator", "invoices"] });
    await queries.invalidateQueries({ queryKey: ["operator", "tenant"] });
  };
}

const kindOf = (invoice: Invoice): string => (invoice.payment === "prepaid" ? "statement" : "invoice");

export function FinaliseDialog({ of, onClose }: Of) {
  const changed = useInvoiceChanged();
  async function submit(): Promise<void> {
    const issued = await finaliseInvoice(of.id);
    await changed();
    say(`${issued.number ?? "The document"} is issued.`);
  }
  return (
    <FormDialog
      title={`Issue this ${kindOf(of)} now?`}
      action={`Issue the ${kindOf(of)}`}
      onClose={onClose}
      onSubmit={submit}
    >
      <p>
        It would be issued by itself on {date(of.finalise_after)}. Issuing gives it the next number of its
        series, states the tax of the customer&apos;s billing profile, and posts rounding and tax.
      </p>
      {of.is_frozen ? (
        <Note tone="bad">
          This tenant&apos;s invoicing is frozen: it will be refused until the freeze is lifted.
        </Note>
      ) : null}
      <Note tone="warn">An issued document never changes. Corrections are credit notes.</Note>
    </FormDialog>
  );
}

/** A credit note; one of all that is left makes the document void. */
export function CreditDialog({ of, isVoiding, onClose }: Of & { isVoiding: boolean }) {
  const changed = useInvoiceChanged();
  const most = creditable(of);
  const [amount, setAmount] = useState(isVoiding ? amountOf(most) : "");
  const [reason, setReason] = useState("");
  const once = useOnce();
  const asked = nanoOf(amount);
  async function submit(): Promise<void> {
    if (asked === null || asked <= 0n) throw new Error("An amount in USD above 0, such as 12.50.");
    const body = { amount: amount.trim(), reason: reason.trim() };
    const note = await creditInvoice(of.id, once(body), body);
    await changed();
    say(`${note.number} is issued.`);
  }
  return (
    <FormDialog
      title={isVoiding ? `Void ${of.number ?? "it"}?` : `Credit note for ${of.number ?? "it"}`}
      kind={isVoiding ? "danger" : "primary"}
      action={isVoiding ? "Credit all of it" : "Issue the credit note"}
      onClose={onClose}
      onSubmit={submit}
    >
      {isVoiding ? (
        <p>
          A document is void when credit notes come to all of it. {usdOfNano(most)} is credited, tax in
          proportion; the tenant gets that much credit.
        </p>
      ) : (
        <TextField
          label="Amount (USD), tax included"
          hint={`At most ${usdOfNano(most)}${of.payment === "postpaid" ? ", in whole cents" : ""}.`}
          inputMode="decimal"
          required
          autoFocus
          value={amount}
          error={asked !== null && asked > most ? "More than can still be credited." : null}
          onChange={(event) => setAmount(event.target.value)}
        />
      )}
      <TextField
        label="Reason"
        hint="It stands on the credit note."
        required
        autoFocus={isVoiding}
        value={reason}
        onChange={(event) => setReason(event.target.value)}
      />
    </FormDialog>
  );
}

export function PaymentDialog({ of, onClose }: Of) {
  const changed = useInvoiceChanged();
  const { form, field } = useForm({
    amount: amountOf(nanoOf(of.left ?? "0") ?? 0n),
    day: new Date().toISOString().slice(0, 10),
    reference: "",
  });
  const once = useOnce();
  async function submit(): Promise<void> {
    const amount = nanoOf(form.amount);
    if (amount === null || amount <= 0n) throw new Error("An amount in whole cents, such as 57.93.");
    const body = {
      amount: form.amount.trim(),
      received_on: form.day,
      reference: form.reference.trim(),
    };
    await recordPayment(of.id, once(body), body);
    await changed();
    say("The payment is recorded.");
  }
  return (
    <FormDialog
      title={`Payment of ${of.number ?? "it"}`}
      action="Record the payment"
      onClose={onClose}
      onSubmit={submit}
    >
      <p>
        {exactUsd(of.left)} is left to be paid, by {date(of.due_on)}. Tax and rounding are paid first; the
        rest pays the charges back into the tenant&apos;s credit, so that its line is whole again.
      </p>
      <div className="input-row">
        <TextField
          label="Amount (USD)"
          hint="In parts or whole, in whole cents."
          inputMode="decimal"
          required
          autoFocus
          {...field("amount")}
        />
        <TextField label="The money came on" type="date" required {...field("day")} />
      </div>
      <TextField label="Reference" hint="What the bank's statement says of it." {...field("reference")} />
    </FormDialog>
  );
}
