// What the pages of the catalogue have in common.

import { useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { count } from "~/format/number";
import { STATE_TONES } from "~/operator/health";
import { Button, type ButtonKind, ButtonLink } from "~/ui/Button";
import { FormDialog } from "~/ui/Dialog";
import { Badge } from "~/ui/Note";
import { say } from "~/ui/toast";

import type { Done, Endpoint, Whole } from "./rows";
import { inUse } from "./use";

/** Of a list that still comes, how much is there. */
export function HowMany({ shown, list }: { shown: number | undefined; list: Whole<unknown> }) {
  if (shown === undefined || list.rows === undefined) return null;
  const all = count(list.rows.length);
  return (
    <span className="soft number" aria-live="polite">
      {list.isWhole ? `${count(shown)} of ${all}` : `${all} so far…`}
    </span>
  );
}

const UNUSABLE: Record<string, string> = {
  disabled: "switched off",
  unsupported_dialect: "unknown dialect",
  not_configured: "no base URL",
  no_credential: "no credential",
  no_price: "no price",
  deprecated: "deprecated",
};

/** The state of an endpoint: what keeps it from being used, else its health. */
export function StateBadge({ of, state }: { of: Endpoint; state?: string | undefined }) {
  if (!of.usable) {
    const because = of.unusable_because ?? "";
    return (
      <Badge tone={of.disabled ? undefined : "bad"}>{UNUSABLE[because] ?? (because || "not usable")}</Badge>
    );
  }
  const now = state ?? of.health.state;
  return <Badge tone={STATE_TONES[now]}>{now.replace("_", " ")}</Badge>;
}

const switchText = (isOff: boolean): string => (isOff ? "Switch on" : "Switch off");

/** What is done with a provider, model or endpoint, at the head of its page. */
export function RowActions({
  subject,
  isOff,
  onAsk,
  children,
}: {
  /** What its changes are listed under. */
  subject: string;
  isOff: boolean;
  onAsk: (what: "change" | "off") => void;
  /** What only this kind of row has. */
  children?: ReactNode;
}) {
  return (
    <>
      {children}
      <ButtonLink to="/operator/changes" search={{ subject }}>
        Changes
      </ButtonLink>
      <Button kind={isOff ? "plain" : "danger"} onClick={() => onAsk("off")}>
        {switchText(isOff)}
      </Button>
      <Button kind="primary" onClick={() => onAsk("change")}>
        Change
      </Button>
    </>
  );
}

interface Confirmed {
  what: string;
  onWithdraw: () => Promise<Done>;
  onClose: () => void;
  children: ReactNode;
}

/** Switches a row off; one that is off, on again. */
export function SwitchDialog({ isOff, ...others }: Confirmed & { isOff: boolean }) {
  return <WithdrawDialog action={switchText(isOff)} kind={isOff ? "primary" : "danger"} {...others} />;
}

export function WithdrawDialog({
  what,
  action,
  kind = "danger",
  onWithdraw,
  onClose,
  children,
}: Confirmed & { action: string; kind?: ButtonKind }) {
  const queries = useQueryClient();
  return (
    <FormDialog
      kind={kind}
      title={`${action}: ${what}`}
      action={action}
      onClose={onClose}
      onSubmit={async () => {
        const done = await onWithdraw();
        await inUse(queries, done.catalogue_version);
        say(`In use as version ${done.catalogue_version} of the catalogue.`);
      }}
    >
      <p>{children}</p>
    </FormDialog>
  );
}

export const yesNo = (value: boolean | null | undefined, unknown = "unknown"): string =>
  value === null || value === undefined ? unknown : value ? "yes" : "no";

export const list = (words: readonly string[] | null | undefined, none = "–"): string =>
  words && words.length > 0 ? words.join(", ") : none;
