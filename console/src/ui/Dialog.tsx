// Dialogs, on Base UI's: focus goes in, stays in, and comes back.

import { Dialog as Base } from "@base-ui/react/dialog";
import { type QueryKey, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useEffect, useState } from "react";

import { messageOf } from "~/api/errors";

import { Button, type ButtonKind } from "./Button";
import { Note } from "./Note";

export interface DialogProps {
  open: boolean;
  onClose: () => void;
  title: string;
  size?: "wide";
  /** When leaving by a slip would lose something, such as what was typed or a secret that is shown once. */
  isSticky?: boolean;
  children: ReactNode;
  footer?: ReactNode;
}

/** What had the focus last outside of dialogs and menus, newest first: where it goes back to when a dialog is gone. */
const before: HTMLElement[] = [];
const SEVERAL = 6;
if (typeof document !== "undefined") {
  document.addEventListener("focusin", ({ target }) => {
    if (!(target instanceof HTMLElement) || target.closest("[role=dialog], [role=menu]")) return;
    before.unshift(target);
    before.length = Math.min(before.length, SEVERAL);
  });
}

/** Gives the focus back, also when the dialog is taken out of the page together with what opened it. */
function useFocusBack(isOpen: boolean): void {
  useEffect(() => {
    if (!isOpen) return undefined;
    const opener = before.find((one) => one.isConnected);
    return () => {
      const back = opener?.isConnected ? opener : before.find((one) => one.isConnected);
      // After whoever else moves it, and never away from where somebody has put it.
      requestAnimationFrame(() => {
        if (document.activeElement === null || document.activeElement === document.body) back?.focus();
      });
    };
  }, [isOpen]);
}

export function Dialog({ open, onClose, title, size, isSticky = false, children, footer }: DialogProps) {
  useFocusBack(open);
  return (
    <Base.Root
      open={open}
      disablePointerDismissal={isSticky}
      onOpenChange={(isOpen) => (isOpen ? undefined : onClose())}
    >
      <Base.Portal>
        <Base.Backdrop className="backdrop" />
        <Base.Popup className="dialog" data-size={size}>
          <div className="dialog-head">
            <Base.Title render={<h2 />}>{title}</Base.Title>
            <Base.Close render={<Button kind="quiet" size="small" shape="square" aria-label="Close" />}>
              ✕
            </Base.Close>
          </div>
          <div className="dialog-body">{children}</div>
          {footer ? <div className="dialog-foot">{footer}</div> : null}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}

interface FormDialogProps<Result> {
  title: string;
  onClose: () => void;
  /** What the button says: the verb of what happens. */
  action: string;
  kind?: ButtonKind;
  size?: "wide";
  /** What is read anew when it is done. */
  changes?: readonly QueryKey[];
  /** Does it. What it throws is shown, and the dialog stays open. */
  onSubmit: () => Promise<Result>;
  /** Called with what it came to, once the dialog is closed. */
  onDone?: ((result: Result) => void) | undefined;
  children?: ReactNode;
}

/** A dialog with a form, open while it is there: closes when what was asked for is done, says so when it was refused. */
export function FormDialog<Result>({
  title,
  onClose,
  action,
  kind = "primary",
  size,
  changes = [],
  onSubmit,
  onDone,
  children,
}: FormDialogProps<Result>) {
  const queries = useQueryClient();
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    event.stopPropagation();
    setBusy(true);
    setFailure(null);
    try {
      const result = await onSubmit();
      await Promise.all(changes.map((queryKey) => queries.invalidateQueries({ queryKey })));
      onClose();
      onDone?.(result);
    } catch (error) {
      setFailure(messageOf(error));
    } finally {
      setBusy(false);
    }
  }

  return (
    <Dialog open isSticky onClose={onClose} title={title} {...(size ? { size } : {})}>
      <form className="form" onSubmit={(event) => void submit(event)}>
        {children}
        <div className="form-actions">
          {failure === null ? null : <Note tone="bad">{failure}</Note>}
          <Button kind={kind} type="submit" busy={isBusy}>
            {action}
          </Button>
          <Button kind="quiet" onClick={onClose}>
            Cancel
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
