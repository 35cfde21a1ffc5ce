// A new endpoint comes with a first price: the usual rates of its three main classes. Tiers and hours are set afterwards.

import { useState } from "react";

import { FieldGroup, TextField } from "~/ui/Field";

import { MembersDialog } from "./MembersDialog";
import { ENDPOINT } from "./fields";
import { formOf } from "./members";
import { type ClassName, type Rates, classOf, rateOf, typed } from "./rates";
import { makeEndpoint } from "./write";

const PRICED: ClassName[] = ["input", "cache_read", "output"];

/** The rates that were typed, each as the API reads it. */
function firstRates(fields: Partial<Record<ClassName, string>>): Rates {
  const rates: Rates = {};
  for (const name of PRICED) {
    const text = fields[name]?.trim() ?? "";
    if (text === "") continue;
    const picos = typed(text, classOf(name));
    if (picos === null) throw new Error(`${classOf(name).label}: “${text}” is no price in USD.`);
    rates[name] = rateOf(picos);
  }
  if (Object.keys(rates).length === 0)
    throw new Error("A new endpoint needs a price; 0 says that it is free.");
  return rates;
}

export function NewEndpointDialog({
  given,
  onDone,
  onClose,
}: {
  given: { provider?: string; model?: string };
  onDone: (id: string) => void;
  onClose: () => void;
}) {
  const [rates, setRates] = useState<Partial<Record<ClassName, string>>>({});
  return (
    <MembersDialog
      title="New endpoint"
      isNew
      groups={ENDPOINT}
      before={formOf(ENDPOINT, {})}
      given={given}
      onSend={(members, once) => makeEndpoint({ ...members, price: { base: firstRates(rates) } }, once)}
      onDone={(done) => onDone(done.id)}
      onClose={onClose}
    >
      <FieldGroup legend="First price, USD per million tokens">
        <div className="member-fields">
          {PRICED.map((name) => (
            <TextField
              key={name}
              label={classOf(name).label}
              inputMode="decimal"
              placeholder={name === "cache_read" ? "as input" : "0.50"}
              value={rates[name] ?? ""}
              onChange={(event) => setRates({ ...rates, [name]: event.target.value })}
            />
          ))}
        </div>
      </FieldGroup>
    </MembersDialog>
  );
}
