// Setting a price: the rates, what they would do, and only then the price itself. A price is never changed, it is replaced.

import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { admin, document } from "~/api/client";
import { useOnce } from "~/api/once";
import { Dialog } from "~/ui/Dialog";
import { CheckField, FieldGroup, SelectField, TextField } from "~/ui/Field";
import { fieldsOf, useForm } from "~/ui/form";
import { Note } from "~/ui/Note";
import { say } from "~/ui/toast";

import "./catalogue.css";
import { PriceEffect } from "./PriceEffect";
import { RatesGrid } from "./RatesGrid";
import { ProposalActions, useProposal } from "./proposal";
import { type Mistakes, type Price, partsOf, priceOf } from "./rates";
import type { Done, Endpoint, Preview } from "./rows";
import { inUse } from "./use";

interface Timing {
  when: "now" | "later";
  at: string;
  source: string;
}

/** What the API takes as the moment, from a field that holds a moment of UTC. */
function effectiveAt({ when, at }: Pick<Timing, "when" | "at">, now = Date.now()): string | null {
  if (when === "now") return null;
  const moment = Date.parse(`${at.length === 16 ? `${at}:00` : at}Z`);
  if (Number.isNaN(moment)) throw new Error("Say from when on, in UTC.");
  if (moment <= now) throw new Error("A price for later begins in the future.");
  return new Date(moment).toISOString();
}

function TimingFields({
  timing,
  onChange,
}: {
  timing: Timing;
  onChange: (changes: Partial<Timing>) => void;
}) {
  const { field } = fieldsOf(timing, onChange);
  return (
    <FieldGroup legend="When, and where it comes from">
      <div className="member-fields">
        <SelectField
          label="In effect"
          options={[
            { value: "now", label: "at once" },
            { value: "later", label: "later, by itself" },
          ]}
          {...field("when")}
        />
        {timing.when === "later" ? (
          <TextField label="From (UTC)" type="datetime-local" required {...field("at")} />
        ) : null}
        <TextField
          label="Source"
          placeholder="the operator"
          hint="Such as the provider's page of prices."
          {...field("source")}
        />
      </div>
    </FieldGroup>
  );
}

interface Proposal {
  price: Price;
  effective: string | null;
  preview: Preview;
}

export function PriceDialog({ endpoint, onClose }: { endpoint: Endpoint; onClose: () => void }) {
  const queries = useQueryClient();
  const [parts, setParts] = useState(() => partsOf(endpoint.price));
  const { form: timing, change: changeTiming } = useForm<Timing>({ when: "now", at: "", source: "" });
  const [mistakes, setMistakes] = useState<Mistakes>({});
  const [isForced, setForced] = useState(false);
  // The same price twice, by a slip or a lost answer, is set once.
  const once = useOnce();

  const bodyOf = (price: Price, effective: string | null) => ({
    endpoint_id: endpoint.id,
    price,
    ...(effective === null ? {} : { effective_at: effective }),
    ...(timing.source.trim() === "" ? {} : { source: timing.source.trim() }),
  });

  async function look(): Promise<Proposal> {
    const { price, mistakes: found } = priceOf(parts);
    setMistakes(found);
    if (Object.keys(found).length > 0) throw new Error(found["base"] ?? "Some fields hold no price.");
    const effective = effectiveAt(timing);
    const body = { ...bodyOf(price, effective), dry_run: true };
    const preview = await document<Preview>(admin.POST("/prices", { body }));
    setForced(false);
    return { price, effective, preview };
  }

  async function apply({ price, effective, preview }: Proposal): Promise<void> {
    const body = { ...bodyOf(price, effective), ...(preview.warnings.length > 0 ? { force: isForced } : {}) };
    const done = await document<Done>(admin.POST("/prices", { params: { header: once(body) }, body }));
    await inUse(queries, done.catalogue_version);
    say(effective === null ? "The price is in effect." : "The price will take effect by itself.");
    onClose();
  }

  const steps = useProposal(look, apply);
  const { proposal } = steps;
  const mustForce = (proposal?.preview.warnings.length ?? 0) > 0;
  return (
    <Dialog
      open
      isSticky
      size="wide"
      title={proposal === null ? `New price: ${endpoint.tag} · ${endpoint.model}` : "What the price would do"}
      onClose={onClose}
    >
      <form className="form" onSubmit={steps.submit}>
        {proposal === null ? (
          <>
            <RatesGrid parts={parts} mistakes={mistakes} onChange={setParts} />
            <TimingFields timing={timing} onChange={changeTiming} />
          </>
        ) : (
          <>
            <PriceEffect endpoint={endpoint} preview={proposal.preview} price={proposal.price} />
            {proposal.preview.warnings.map((warning) => (
              <Note key={warning} tone="warn">
                {warning}
              </Note>
            ))}
            {mustForce ? (
              <CheckField
                label="It is meant like this"
                hint="sets it in spite of the warnings"
                checked={isForced}
                onChange={(event) => setForced(event.target.checked)}
              />
            ) : null}
          </>
        )}
        <ProposalActions
          of={steps}
          action={proposal === null ? "Preview the effect" : "Set the price"}
          back="Back to the rates"
          kind={mustForce ? "danger" : "primary"}
          isBarred={mustForce && !isForced}
          onClose={onClose}
        />
      </form>
    </Dialog>
  );
}
