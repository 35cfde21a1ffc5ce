// A form in two steps: what is filled in, then what the API says that it would do. Nothing is written before the second.

import { type FormEvent, useState } from "react";

import { messageOf } from "~/api/errors";
import { Button, type ButtonKind } from "~/ui/Button";
import { Note } from "~/ui/Note";

interface Steps<Proposal> {
  /** What the API says; null while the form is filled in. */
  proposal: Proposal | null;
  failure: string | null;
  isBusy: boolean;
  submit: (event: FormEvent) => void;
  /** To the form again. */
  back: () => void;
}

/** `look` asks what would come of the form, `apply` does it. What either throws is shown, and the step stays. */
export function useProposal<Proposal>(
  look: () => Promise<Proposal>,
  apply: (proposal: Proposal) => Promise<void>,
): Steps<Proposal> {
  const [proposal, setProposal] = useState<Proposal | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);

  async function step(): Promise<void> {
    setBusy(true);
    setFailure(null);
    try {
      if (proposal === null) setProposal(await look());
      else await apply(proposal);
    } catch (error) {
      setFailure(messageOf(error));
    } finally {
      setBusy(false);
    }
  }

  return {
    ...{ proposal, failure, isBusy },
    submit(event) {
      event.preventDefault();
      event.stopPropagation();
      void step();
    },
    back() {
      setProposal(null);
      setFailure(null);
    },
  };
}

export function ProposalActions({
  of,
  action,
  back,
  kind = "primary",
  isBarred = false,
  onClose,
}: {
  of: Steps<unknown>;
  action: string;
  /** What the button says that leads to the form again. */
  back: string;
  kind?: ButtonKind;
  isBarred?: boolean;
  onClose: () => void;
}) {
  return (
    <div className="form-actions">
      {of.failure === null ? null : <Note tone="bad">{of.failure}</Note>}
      <Button kind={kind} type="submit" busy={of.isBusy} disabled={isBarred}>
        {action}
      </Button>
      {of.proposal === null ? null : <Button onClick={of.back}>{back}</Button>}
      <Button kind="quiet" onClick={onClose}>
        Cancel
      </Button>
    </div>
  );
}
